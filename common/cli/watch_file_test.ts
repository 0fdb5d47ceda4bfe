import { strictEqual } from "node:assert/strict";
import { fileTest, testWith, within } from "../testdata/gate.ts";
import { FileWatch } from "./watch_file.ts";

const QUICK = { every: 5, settle: 5 };
const PATIENCE_MS = 10_000;

/** Counts calls, and lets a test wait for the next. */
class Calls {
  count = 0;
  #next = Promise.withResolvers<void>();

  readonly called = () => {
    this.count++;
    this.#next.resolve();
  };

  async next(what: string): Promise<void> {
    await within(PATIENCE_MS, what, this.#next.promise);
    this.#next = Promise.withResolvers();
  }
}

/** Runs a test with a file in a folder of its own. */
async function withFile(fn: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "one");
    await fn(path, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

fileTest(
  "FileWatch tells of a change, of the end of the file, and of its return",
  () =>
    withFile(async (path) => {
      const calls = new Calls();
      await using _watch = await FileWatch.open([path], calls.called, QUICK);
      for (const text of ["two", "three, and longer", ""]) {
        await Deno.writeTextFile(path, text);
        await calls.next(text);
      }
      await Deno.remove(path);
      await calls.next("its end");
      await Deno.writeTextFile(path, "back");
      await calls.next("its return");
      strictEqual(calls.count, 5);
    }),
);

fileTest(
  "FileWatch does not tell of the same content written anew",
  () =>
    withFile(async (path) => {
      const calls = new Calls();
      await using _watch = await FileWatch.open([path], calls.called, QUICK);
      await Deno.writeTextFile(path, "one");
      await Deno.utime(path, 1, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await Deno.writeTextFile(path, "two");
      await calls.next("a change");
      strictEqual(calls.count, 1);
    }),
);

fileTest("FileWatch waits until a file has settled", () =>
  withFile(async (path) => {
    const calls = new Calls();
    let seen = "";
    const read = async () => {
      seen = await Deno.readTextFile(path);
      calls.called();
    };
    await using _watch = await FileWatch.open([path], read, { every: 5, settle: 150 });
    for (const text of ["", "a", "a b", "a b c"]) {
      await Deno.writeTextFile(path, text);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await calls.next("a change");
    strictEqual(seen, "a b c");
  }));

fileTest(
  "FileWatch follows the swap of a link, as Kubernetes does it",
  () =>
    withFile(async (_path, folder) => {
      if (Deno.build.os === "windows") return strictEqual(Deno.build.os, "windows");
      for (const version of ["1", "2"]) {
        await Deno.mkdir(`${folder}/${version}`);
        await Deno.writeTextFile(`${folder}/${version}/auth.toml`, version);
        await Deno.utime(`${folder}/${version}/auth.toml`, 1, 1);
      }
      await Deno.symlink("1", `${folder}/..data`);
      await Deno.symlink("..data/auth.toml", `${folder}/auth.toml`);
      const calls = new Calls();
      await using _watch = await FileWatch.open([`${folder}/auth.toml`], calls.called, QUICK);
      await Deno.symlink("2", `${folder}/..new`);
      await Deno.rename(`${folder}/..new`, `${folder}/..data`);
      await calls.next("a swap");
    }),
);

testWith(
  [{ name: "read" }, { name: "write" }, { name: "run" }],
  "FileWatch calls back on SIGHUP, changed or not",
  () =>
    withFile(async (path) => {
      if (Deno.build.os === "windows") return strictEqual(Deno.build.os, "windows");
      const calls = new Calls();
      await using _watch = await FileWatch.open([path], calls.called, {
        every: 3_600_000,
        settle: 1,
      });
      Deno.kill(Deno.pid, "SIGHUP");
      await calls.next("a signal");
      await Deno.writeTextFile(path, "two");
      Deno.kill(Deno.pid, "SIGHUP");
      await calls.next("another signal");
    }),
);
