import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { fileTest } from "../../../common/testdata/gate.ts";
import { Home } from "./testdata/home.ts";
import { withLog } from "./wal.ts";

/** What is in a database that was put together in memory. */
function rowsIn(image: Uint8Array): unknown[] {
  using db = new DatabaseSync(":memory:");
  db.deserialize(image);
  strictEqual(db.prepare("PRAGMA integrity_check").get()!.integrity_check, "ok");
  return db.prepare("SELECT id, v FROM t ORDER BY id").all().map((row) => ({ ...row }));
}

function read(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch {
    return new Uint8Array(0);
  }
}

const image = (path: string) => withLog(read(path), read(`${path}-wal`));

fileTest("withLog() sees what SQLite sees, whatever was written", () => {
  using home = new Home();
  const write = fc.record({ id: fc.nat(40), v: fc.string({ minLength: 1, maxLength: 9000 }) });
  const step = fc.oneof(
    fc.record({ writes: fc.array(write, { minLength: 1, maxLength: 4 }), commit: fc.boolean() }),
    fc.constantFrom("PASSIVE", "FULL", "RESTART", "TRUNCATE"),
    fc.constantFrom("DELETE FROM t WHERE id % 2", "VACUUM"),
  );
  let file = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(512, 4096, 65536),
      fc.array(step, { maxLength: 12 }),
      (size, steps) => {
        const path = home.at(`${file++}.db`);
        using db = new DatabaseSync(path);
        db.exec(
          `PRAGMA page_size = ${size}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0`,
        );
        db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
        for (const one of steps) {
          if (typeof one === "string") {
            db.exec(one.includes(" ") || one === "VACUUM" ? one : `PRAGMA wal_checkpoint(${one})`);
            continue;
          }
          db.exec("BEGIN");
          const put = db.prepare("INSERT OR REPLACE INTO t VALUES (?, ?)");
          for (const { id, v } of one.writes) put.run(id, v);
          db.exec(one.commit ? "COMMIT" : "ROLLBACK");
        }
        const expected = db.prepare("SELECT id, v FROM t ORDER BY id").all().map((row) => ({
          ...row,
        }));
        deepStrictEqual(rowsIn(image(path)), expected);
      },
    ),
    { numRuns: 60 },
  );
});

fileTest("withLog() leaves out what is torn, stale or no log at all", () => {
  using home = new Home();
  const path = home.at("a.db");
  using db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  for (let id = 1; id <= 5; id++) db.prepare("INSERT INTO t VALUES (?, 'v')").run(id);
  const log = Deno.readFileSync(`${path}-wal`);
  let last = 0;
  for (let length = 0; length <= log.length; length += 700) {
    const rows = rowsIn(withLog(Deno.readFileSync(path), log.slice(0, length)));
    ok(rows.length >= last && rows.length <= 5);
    last = rows.length;
  }
  const flipped = log.slice();
  flipped[log.length - 1]! ^= 1;
  strictEqual(rowsIn(withLog(Deno.readFileSync(path), flipped)).length, 4);
  const none = [new Uint8Array(0), new Uint8Array(5000), log.slice(0, 31), log.slice(1)];
  for (const bad of none) strictEqual(rowsIn(withLog(Deno.readFileSync(path), bad)).length, 0);
});

Deno.test("withLog() stands any bytes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }),
      (one, other) => {
        ok(withLog(one.slice(), other).length <= one.length);
      },
    ),
  );
});
