import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import fc from "fast-check";
import { fileTest, within } from "../../../common/testdata/gate.ts";
import { sweepChunks } from "./chunks.ts";
import type { Line, LineKind } from "./log.ts";
import { Store } from "./store.ts";
import { StoredLog } from "./stored_log.ts";

const NEVER = new AbortController().signal;

async function withStore(run: (store: Store, path: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    using store = new Store(join(folder, "sessions.db"));
    await run(store, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function open(store: Store, limit = 1e9, faults: string[] = []): StoredLog {
  const fault = (why: string) => void faults.push(why);
  return new StoredLog(store, { session: 1, epoch: "e", limit, fault });
}

/** All lines from one on, as a viewer reads them. */
function all(log: StoredLog, from = log.first): Line[] {
  const lines: Line[] = [];
  for (let at = from; at <= log.last; at = lines.at(-1)!.n + 1) lines.push(...log.read(at));
  return lines;
}

const row = (store: Store, sql: string) => Number(Object.values(store.get(sql)!)[0]);

fileTest(
  "StoredLog shows a line only once it is on disk, and what came at once in one row",
  () =>
    withStore(async (store) => {
      const log = open(store);
      deepStrictEqual([log.first, log.last, log.read(1)], [1, 0, []]);
      for (const text of ["a", "", "c"]) log.append("raw", text);
      strictEqual(log.last, 0);
      strictEqual(row(store, "SELECT count(*) FROM chunks"), 0);
      await Promise.resolve();
      strictEqual(log.last, 3);
      strictEqual(row(store, "SELECT count(*) FROM chunks"), 1);
      deepStrictEqual(log.read(1).map(({ text }) => text), ["a", "", "c"]);
    }),
);

fileTest(
  "StoredLog reads the same lines from memory and from disk, whatever is in them",
  () =>
    withStore(async (store) => {
      const log = open(store);
      const expected: Line[] = [];
      const line = fc.record({
        kind: fc.constantFrom<LineKind>("raw", "stderr", "own"),
        text: fc.oneof(
          fc.string({ unit: "binary", maxLength: 20 }),
          fc.constantFrom("\ufeff{}", "a\0b", "a\rb", "", "\u2028"),
        ).map((text) => text.replaceAll("\n", "")),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (lines) => {
          for (const { kind, text } of lines) {
            expected.push({ n: expected.length + 1, kind, text });
            log.append(kind, text);
          }
          await Promise.resolve();
        }),
        { numRuns: 300 },
      );
      strictEqual(log.last, expected.length);
      deepStrictEqual(all(log), expected);
      // Another object knows nothing but the disk.
      deepStrictEqual(all(open(store)), expected);
      for (let from = 1; from <= log.last; from += 37) {
        deepStrictEqual(all(open(store), from), expected.slice(from - 1));
        deepStrictEqual(all(log, from), expected.slice(from - 1));
      }
    }),
);

fileTest(
  "StoredLog.append() makes one line of one that has an end in it",
  () =>
    withStore(async (store) => {
      const log = open(store);
      log.append("raw", "a\nb");
      await Promise.resolve();
      deepStrictEqual(all(open(store)), [{ n: 1, kind: "raw", text: "a b" }]);
    }),
);

fileTest("StoredLog.read() gives all followers the same array", () =>
  withStore(async (store) => {
    const log = open(store);
    log.append("raw", "a");
    log.append("raw", "b");
    await Promise.resolve();
    strictEqual(log.read(1), log.read(1));
    deepStrictEqual(log.read(2), [{ n: 2, kind: "raw", text: "b" }]);
  }));

fileTest(
  "StoredLog.wait() settles with the next line, and with the signal",
  () =>
    withStore(async (store) => {
      const log = open(store);
      log.append("raw", "a");
      const stop = new AbortController();
      const [next, later] = [log.wait(0, NEVER), log.wait(1, stop.signal)];
      await within(1000, "the line", next);
      await within(1000, "a line that is there", log.wait(0, NEVER));
      stop.abort();
      await within(1000, "the abort", later);
      await within(1000, "an aborted signal", log.wait(1, stop.signal));
      const closed = log.wait(1, NEVER);
      log.close();
      await within(1000, "the end", closed);
      deepStrictEqual(log.read(1), []);
    }),
);

fileTest(
  "StoredLog.commit() writes lines and what belongs to them, or nothing of both",
  () =>
    withStore(async (store) => {
      const faults: string[] = [];
      const log = open(store, 1e9, faults);
      log.append("raw", "a");
      ok(log.commit(() => store.run("INSERT INTO gone (session) VALUES (1)")));
      deepStrictEqual([log.last, row(store, "SELECT count(*) FROM gone")], [1, 1]);

      log.append("raw", "lost");
      strictEqual(log.commit(() => store.run("INSERT INTO gone (session) VALUES (2), (1)")), false);
      deepStrictEqual([log.last, row(store, "SELECT count(*) FROM gone")], [1, 1]);
      match(faults.join(), /^Cannot write its output to .*UNIQUE constraint/);

      log.append("raw", "b");
      await Promise.resolve();
      deepStrictEqual(all(log).map(({ n, text }) => [n, text]), [[1, "a"], [2, "b"]]);
    }),
);

fileTest(
  "StoredLog says so when nothing can be written, and loses no more than that",
  () =>
    withStore((store) => {
      const faults: string[] = [];
      const log = open(store, 1e9, faults);
      log.append("raw", "a");
      log.commit();
      const pages = row(store, "PRAGMA page_count");
      // The database may not become larger: what a full disk does.
      store.get(`PRAGMA max_page_count = ${pages}`);
      for (let i = 0; i < 3; i++) {
        log.append("raw", "x".repeat(100_000));
        log.commit();
      }
      strictEqual(faults.length, 1);
      match(faults[0]!, /full/);
      store.get("PRAGMA max_page_count = 1000000");
      log.append("raw", "b");
      ok(log.commit());
      deepStrictEqual(all(open(store)).map(({ n, text }) => [n, text]), [[1, "a"], [2, "b"]]);
    }),
);

fileTest(
  "StoredLog drops the oldest lines when there are too many bytes, and says so once",
  () =>
    withStore((store) => {
      const log = open(store, 10_000);
      for (let n = 1; n <= 100; n++) {
        log.append("raw", String(n).padEnd(1000, "."));
        log.commit();
      }
      const lines = all(log);
      strictEqual(log.first, lines[0]!.n);
      ok(log.first > 80, String(log.first));
      // None between the first and the last is missing, and none is twice.
      deepStrictEqual(lines.map(({ n }) => n), lines.map((_, index) => log.first + index));
      const bytes = lines.reduce((sum, { text }) => sum + text.length, 0);
      ok(bytes <= 12_000, `${bytes} bytes kept`);
      deepStrictEqual(all(open(store, 10_000)), lines);
      // The notice is older than what is kept; it was written once.
      strictEqual(log.last, 101);
      const again = open(store, 10_000);
      again.append("raw", "more");
      again.commit();
      strictEqual(again.last, 102);
    }),
);

fileTest(
  "StoredLog tells that output was dropped with the line that comes next",
  () =>
    withStore((store) => {
      const log = open(store, 250);
      for (const text of ["x".repeat(200), "y".repeat(80)]) {
        log.append("raw", text);
        log.commit();
      }
      deepStrictEqual([log.first, log.last, log.next], [2, 2, 4]);
      log.append("own", "z");
      log.commit();
      const [, notice, last] = all(log, 2);
      match(notice!.text, /"type":"notice".*newest 0 MiB/);
      deepStrictEqual(last, { n: 4, kind: "own", text: "z" });
    }),
);

fileTest(
  "StoredLog keeps a line that is longer than all that may be kept",
  () =>
    withStore((store) => {
      const log = open(store, 1000);
      log.append("raw", "a");
      log.commit();
      log.append("raw", "x".repeat(5000));
      log.commit();
      deepStrictEqual([log.first, log.last], [2, 2]);
      strictEqual(all(open(store))[0]!.text.length, 5000);
    }),
);

fileTest("StoredLog goes on at line 1,000,000 at once", () =>
  withStore((store) => {
    const log = open(store);
    for (let n = 1; n <= 1_000_000; n++) {
      log.append("raw", `{"n":${n}}`);
      if (n % 100 === 0) log.commit();
    }
    strictEqual(log.last, 1_000_000);
    for (const from of [1, 500_000, 999_950, 1_000_000]) {
      const start = performance.now();
      const [line] = open(store).read(from);
      const took = performance.now() - start;
      deepStrictEqual(line, { n: from, kind: "raw", text: `{"n":${from}}` });
      ok(took < 50, `${took} ms for line ${from}`);
    }
  }));

fileTest(
  "sweepChunks() removes what sessions left, in pieces, and gives the space back",
  () =>
    withStore((store, folder) => {
      for (const session of [1, 2]) {
        const log = new StoredLog(store, { session, epoch: "e", limit: 1e9, fault() {} });
        for (let n = 0; n < 600; n++) {
          log.append("raw", "x".repeat(10_000));
          log.commit();
        }
      }
      store.run("INSERT INTO gone (session) VALUES (1)");
      let pieces = 0;
      while (sweepChunks(store)) pieces++;
      ok(pieces > 2, `${pieces} pieces`);
      strictEqual(row(store, "SELECT count(*) FROM chunks WHERE session = 1"), 0);
      strictEqual(row(store, "SELECT count(*) FROM chunks WHERE session = 2"), 600);
      store.get("PRAGMA wal_checkpoint(TRUNCATE)");
      const { size } = Deno.statSync(join(folder, "sessions.db"));
      ok(size < 9_000_000, `${size} bytes`);
    }),
);
