import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { fileTest, testWith, within } from "../../../common/testdata/gate.ts";
import { MIGRATIONS } from "./migrations.ts";
import { Store } from "./store.ts";

async function inFolder(run: (path: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(join(folder, "state", "sessions.db"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const INSERT = "INSERT INTO gone (session) VALUES (?)";
const COUNT = "SELECT count(*) AS count FROM gone";

fileTest(
  "Store makes the file, for its owner alone, and keeps what is in it",
  () =>
    inFolder((path) => {
      {
        using store = new Store(path);
        strictEqual(store.run(INSERT, 7), 1);
        if (Deno.build.os !== "windows") {
          for (const file of [path, `${path}-wal`]) {
            strictEqual(Deno.statSync(file).mode! & 0o777, 0o600, file);
          }
        }
      }
      if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o644);
      using store = new Store(path);
      deepStrictEqual({ ...store.get("SELECT session FROM gone") }, { session: 7 });
      if (Deno.build.os !== "windows") strictEqual(Deno.statSync(path).mode! & 0o777, 0o600);
    }),
);

fileTest(
  "Store.transaction() does all or nothing, also one within another",
  () =>
    inFolder((path) => {
      using store = new Store(path);
      throws(() =>
        store.transaction(() => {
          store.run(INSERT, 1);
          store.transaction(() => store.run(INSERT, 2));
          throw new Error("no");
        }), /^Error: no$/);
      strictEqual(store.get(COUNT)?.count, 0);
      strictEqual(store.transaction(() => store.transaction(() => store.run(INSERT, 1))), 1);
      strictEqual(store.get(COUNT)?.count, 1);
    }),
);

fileTest("Store refuses a file that is in use, and says what to do", () =>
  inFolder((path) => {
    using store = new Store(path);
    throws(() => new Store(path, 0), (error: Error) => {
      ok(error.message.startsWith(`Cannot use ${path}: another arpc`), error.message);
      match(error.message, /--state-dir/);
      return true;
    });
    // The one who has it is unharmed.
    strictEqual(store.run(INSERT, 1), 1);
  }));

testWith(
  [{ name: "read" }, { name: "write" }, { name: "run" }],
  "Store has a lock that goes with its process, even when that is killed",
  () =>
    inFolder(async (path) => {
      const module = fileURLToPath(new URL("store.ts", import.meta.url));
      const config = fileURLToPath(new URL("../../../deno.json", import.meta.url));
      const code = `import { Store } from ${JSON.stringify(new URL(`file://${module}`).href)};
        const store = new Store(${JSON.stringify(path)});
        store.run(${JSON.stringify(INSERT)}, 1);
        console.log("open");
        setInterval(() => store, 1000);`;
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "-A",
          "--config",
          config,
          `data:text/typescript,${encodeURIComponent(code)}`,
        ],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const reader = child.stdout.getReader();
      await within(30_000, "an open store", reader.read());
      throws(() => new Store(path, 0), /another arpc/);
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      using store = new Store(path, 0);
      strictEqual(store.get(COUNT)?.count, 1);
    }),
);

fileTest(
  "Store refuses a file of a newer version, and leaves it as it is",
  () =>
    inFolder((path) => {
      new Store(path)[Symbol.dispose]();
      const newer = new DatabaseSync(path);
      newer.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
      newer.close();
      const before = Deno.readFileSync(path);
      throws(() => new Store(path), (error: Error) => {
        ok(error.message.startsWith(`Cannot use ${path}: a newer arpc wrote it`), error.message);
        match(error.message, /Update this arpc/);
        return true;
      });
      deepStrictEqual(Deno.readFileSync(path), before);
    }),
);

fileTest(
  "Store refuses what is no database, or another's, and leaves it as it is",
  () =>
    inFolder((path) => {
      new Store(path)[Symbol.dispose]();
      const garbage = new TextEncoder().encode("This is no database.\n".repeat(1000));
      Deno.writeFileSync(path, garbage);
      throws(() => new Store(path), (error: Error) => {
        ok(error.message.startsWith(`Cannot use ${path}: it is damaged`), error.message);
        match(error.message, /Move .+ away/);
        return true;
      });
      deepStrictEqual(Deno.readFileSync(path), garbage);

      Deno.removeSync(path);
      const other = new DatabaseSync(path);
      other.exec("CREATE TABLE theirs (a)");
      other.close();
      throws(() => new Store(path), /it is a database of another program/);
      const again = new DatabaseSync(path);
      again.exec("INSERT INTO theirs VALUES (1)");
      again.close();
    }),
);

fileTest(
  "Store starts anew when a damaged file was moved away, without what is left beside it",
  () =>
    inFolder((path) => {
      {
        using store = new Store(path);
        store.run(INSERT, 1);
        Deno.copyFileSync(`${path}-wal`, `${path}-kept`);
      }
      Deno.removeSync(path);
      Deno.renameSync(`${path}-kept`, `${path}-wal`);
      using store = new Store(path);
      strictEqual(store.get(COUNT)?.count, 0);
    }),
);

fileTest("Store says what is wrong when its folder cannot be used", () =>
  inFolder(async (path) => {
    await Deno.writeTextFile(join(path, "..", "..", "state"), "");
    await rejects(async () => await Promise.resolve(new Store(path)), /Cannot use .*--state-dir/s);
  }));

Deno.test({
  name: "Store without permission says which file it could not use",
  permissions: "none",
  fn: () => throws(() => new Store("/nowhere/sessions.db"), /Cannot use \/nowhere\/sessions\.db/),
});
