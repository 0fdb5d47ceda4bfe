import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fileTest } from "../../../common/testdata/gate.ts";
import { ReadDatabase } from "./sqlite.ts";
import { Home } from "./testdata/home.ts";

const TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')";

async function count(path: string): Promise<number | undefined> {
  using db = await ReadDatabase.open(path);
  return db && Number(db.all("SELECT count(*) AS c FROM t")[0]!.c);
}

fileTest("ReadDatabase reads a database that nobody uses, and leaves no trace", async () => {
  using home = new Home();
  const path = home.database("a.db", TABLE);
  const before = home.everything();
  strictEqual(before.length, 1, "no log is left");
  strictEqual(await count(path), 1);
  deepStrictEqual(home.everything(), before);
});

fileTest(
  "ReadDatabase reads one that is written to, and leaves its files as they are",
  async () => {
    using home = new Home();
    const path = home.at("a.db");
    using db = new DatabaseSync(path);
    db.exec(`PRAGMA journal_mode = WAL; ${TABLE}`);
    db.exec("BEGIN; INSERT INTO t VALUES (2, 'open')");
    const before = home.everything();
    strictEqual(before.length, 3, "database, log and index");
    strictEqual(await count(path), 1, "what is not committed is not there");
    deepStrictEqual(home.everything(), before);
    db.exec("COMMIT");
    strictEqual(await count(path), 2);
  },
);

fileTest("ReadDatabase reads a log whose writer was killed", async () => {
  using home = new Home();
  const path = home.at("a.db");
  using db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; ${TABLE}`);
  const copy = home.write("b.db", Deno.readFileSync(path));
  home.write("b.db-wal", Deno.readFileSync(`${path}-wal`));
  const before = home.everything();
  strictEqual(await count(copy), 1);
  deepStrictEqual(home.everything(), before);
});

fileTest("ReadDatabase never sees half of a transaction", async () => {
  using home = new Home();
  const path = home.at("a.db");
  using db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 3; ${TABLE}`);
  db.exec("CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO u SELECT * FROM t");
  const pad = "x".repeat(3000);
  let written = 0;
  const writer = setInterval(() => {
    for (let at = 0; at < 5; at++, written++) {
      db.exec("BEGIN");
      db.prepare("INSERT INTO t (v) VALUES (?)").run(pad);
      db.prepare("INSERT INTO u (v) VALUES (?)").run(pad);
      db.exec(written % 40 === 39 ? "DELETE FROM t; DELETE FROM u; COMMIT" : "COMMIT");
    }
  }, 0);
  try {
    for (let at = 0; at < 60; at++) {
      using read = (await ReadDatabase.open(path))!;
      const [row] = read.all("SELECT (SELECT count(*) FROM t) AS t, (SELECT count(*) FROM u) AS u");
      strictEqual(row!.t, row!.u);
      strictEqual(read.all("PRAGMA integrity_check")[0]!.integrity_check, "ok");
    }
  } finally {
    clearInterval(writer);
  }
  ok(written > 0);
});

fileTest("ReadDatabase opens a large database in its place, for reading only", async () => {
  using home = new Home();
  const path = home.database("a.db", TABLE);
  using db = new DatabaseSync(path);
  for (let at = 0; at < 40; at++) db.exec("INSERT INTO t (v) VALUES (hex(randomblob(500000)))");
  ok(Deno.statSync(path).size + Deno.statSync(`${path}-wal`).size > 32 * 1024 * 1024);
  strictEqual(await count(path), 41);
  using read = (await ReadDatabase.open(path))!;
  throws(() => read.all("DELETE FROM t"), /readonly/);
});

fileTest("ReadDatabase tells no database from one that is broken", async () => {
  using home = new Home();
  strictEqual(await ReadDatabase.open(home.at("none.db")), undefined);
  strictEqual(await ReadDatabase.open(home.write("empty.db", "")), undefined);
  home.write("folder.db/x", "");
  strictEqual(await ReadDatabase.open(home.at("folder.db")), undefined);
  const broken = home.write("broken.db", "no database".repeat(1000));
  await rejects(count(broken), /not a database/);
  if (Deno.build.os === "windows") return;
  Deno.symlinkSync(home.database("real.db", TABLE), home.at("link.db"));
  strictEqual(await ReadDatabase.open(home.at("link.db")), undefined);
});

fileTest("ReadDatabase knows the columns of its tables", async () => {
  using home = new Home();
  using db = (await ReadDatabase.open(home.database("a.db", TABLE)))!;
  deepStrictEqual([...db.columns("t")], ["id", "v"]);
  deepStrictEqual([...db.columns("no' such")], []);
  deepStrictEqual([...db.each("SELECT v FROM t WHERE id = ?", 1)].map(({ v }) => v), ["a"]);
});
