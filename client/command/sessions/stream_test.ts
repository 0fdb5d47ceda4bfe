import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { fileTest, within } from "../../../common/testdata/gate.ts";
import { setImmediate } from "node:timers";
import { Store } from "./store.ts";
import { StoredLog } from "./stored_log.ts";
import { streamSession, type View, type Viewed } from "./stream.ts";
import { GRAMMAR } from "./testdata/executor.ts";
import { FakeTime } from "./testdata/time.ts";
import { NDJSON, readAll, readUntil, SSE } from "./testdata/viewer.ts";

const VIEW: View = { from: 1, as: "sse", format: "raw" };

/** A session whose lines come from the test. */
class Source implements Viewed, Disposable {
  running = true;
  readonly grammar = GRAMMAR;
  readonly #store: Store;
  readonly log: StoredLog;

  constructor(folder: string, limit: number) {
    this.#store = new Store(join(folder, "sessions.db"));
    this.log = new StoredLog(this.#store, { session: 1, epoch: "e", limit, fault() {} });
  }

  /** Lines that come at once. */
  write(...texts: string[]): void {
    for (const text of texts) this.log.append("raw", text);
    this.log.commit();
  }

  /** The last line of all. */
  end(): void {
    this.running = false;
    this.log.append("own", COMPLETION);
    this.log.commit();
  }

  view(view: Partial<View> = {}, heartbeat?: number): ReadableStream<Uint8Array> {
    return streamSession(this, { ...VIEW, ...view }, heartbeat);
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }
}

function streamTest(
  name: string,
  fn: (source: Source) => void | Promise<void>,
  limit = 1e9,
): void {
  fileTest(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      using source = new Source(folder, limit);
      await fn(source);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

const COMPLETION = '{"type":"completion"}';
const ids = (text: string) => SSE.read(text).map(({ id }) => id);

streamTest(
  "a stream has all lines, those that are there and those that come, and ends",
  async (source) => {
    source.write("a", "b");
    const stream = source.view();
    const text = readAll(stream);
    source.write("c");
    await within(5000, "a viewer who waits", turn());
    source.write("d");
    source.end();
    const all = await text;
    ok(all.startsWith("retry: 3000\n\n"), all);
    deepStrictEqual(SSE.read(all), [
      ...["a", "b", "c", "d", COMPLETION].map((data, index) => ({ data, id: `e:${index + 1}` })),
    ]);
  },
);

streamTest("a stream of a session that has ended ends, also one of no lines", async (source) => {
  source.running = false;
  strictEqual(await readAll(source.view()), "retry: 3000\n\n");
  strictEqual(await readAll(source.view({ as: "ndjson" })), "");
  source.write("a");
  deepStrictEqual(ids(await readAll(source.view())), ["e:1"]);
  deepStrictEqual(ids(await readAll(source.view({ from: 2 }))), []);
});

streamTest("a stream goes on at any line, without a gap or a line twice", async (source) => {
  for (let n = 1; n <= 500; n++) {
    source.write(...Array.from({ length: n % 7 }, (_, i) => `${n}.${i}`));
  }
  source.end();
  const all = SSE.read(await readAll(source.view()));
  strictEqual(all.length, source.log.last);
  for (let seen = 0; seen < all.length; seen += 97) {
    const rest = await readAll(source.view({ from: seen + 1, epoch: "e" }));
    deepStrictEqual(SSE.read(rest), all.slice(seen));
  }
});

streamTest("a viewer that is cut off again and again misses nothing", async (source) => {
  let n = 0;
  const timer = setInterval(() => {
    source.write(...Array.from({ length: 10 }, () => `line ${++n}`));
    if (n < 2000) return;
    clearInterval(timer);
    source.end();
  }, 1);
  const got: string[] = [];
  for (let from = 1; got.at(-1) !== COMPLETION; from = got.length + 1) {
    const reader = source.view({ from, epoch: "e" }).getReader();
    let text = "";
    for (let chunks = 0; chunks < 5; chunks++) {
      const { done, value } = await within(10_000, "a chunk", reader.read());
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    await reader.cancel();
    got.push(...SSE.read(text).map(({ data }) => data));
  }
  deepStrictEqual(got, [...Array.from({ length: 2000 }, (_, i) => `line ${i + 1}`), COMPLETION]);
});

streamTest("a cursor of another log begins at its first line, and is told so", async (source) => {
  source.write("a", "b");
  source.end();
  const [reset, ...rest] = SSE.read(await readAll(source.view({ from: 2, epoch: "old" })));
  deepStrictEqual(reset, {
    event: "reset",
    data: '{"type":"reset","first_line":1,"epoch":"e"}',
    id: "e:0",
  });
  deepStrictEqual(rest.map(({ id }) => id), ["e:1", "e:2", "e:3"]);
  // So does one of lines that are not there any more.
  const [ahead] = SSE.read(await readAll(source.view({ from: 9, epoch: "e" })));
  strictEqual(ahead?.event, "reset");
  const [object] = NDJSON.read(await readAll(source.view({ epoch: "old", as: "ndjson" })));
  deepStrictEqual(object, { type: "reset", first_line: 1, epoch: "e" });
});

streamTest("a cursor older than the log is told where it goes on", async (source) => {
  for (let n = 1; n <= 50; n++) source.write(`${n}`.padEnd(100, "."));
  source.end();
  const { first, last } = source.log;
  ok(first > 30);
  for (const from of [1, first - 1]) {
    const [reset, ...rest] = SSE.read(await readAll(source.view({ from, epoch: "e" })));
    deepStrictEqual(JSON.parse(reset!.data), { type: "reset", first_line: first, epoch: "e" });
    deepStrictEqual(rest.map(({ id }) => id), range(first, last));
  }
  deepStrictEqual(ids(await readAll(source.view({ from: first }))), range(first, last));
}, 1000);

streamTest("a viewer too slow for the log is told what it missed", async (source) => {
  source.write("a");
  const reader = source.view().getReader();
  const decode = (value?: Uint8Array) => new TextDecoder().decode(value);
  match(decode((await reader.read()).value), /data: a\n/);
  for (let n = 0; n < 50; n++) source.write("x".repeat(100));
  const [reset, next] = SSE.read(decode((await reader.read()).value));
  strictEqual(reset?.event, "reset");
  strictEqual(next?.id, `e:${source.log.first}`);
  await reader.cancel();
}, 1000);

streamTest("a viewer that does not read holds nobody up and costs nothing", async (source) => {
  const slow = source.view();
  const fast = readAll(source.view());
  for (let n = 0; n < 2000; n++) {
    source.write("x".repeat(1000));
    if (n % 100 === 0) await turn();
  }
  source.end();
  strictEqual(ids(await fast).length, 2001);
  // It comes late, and finds everything.
  strictEqual(ids(await readAll(slow)).length, 2001);
});

streamTest("a stream that is silent shows that it lives", async (source) => {
  for (const [as, expected] of [["sse", ": still here\n\n"], ["ndjson", "\n"]] as const) {
    source.write("a");
    const reader = source.view({ from: source.log.last + 1, as }, 10).getReader();
    let text = "";
    while (!text.endsWith(expected.repeat(2))) {
      const { value } = await within(5000, "heartbeats", reader.read());
      text += new TextDecoder().decode(value);
    }
    deepStrictEqual(SSE.read(text), []);
    source.write("b");
    const { value } = await within(5000, "a line", reader.read());
    match(new TextDecoder().decode(value), /"?b"?/);
    await reader.cancel();
  }
});

streamTest("a heartbeat comes every 15 seconds", async (source) => {
  source.write("a");
  const reader = source.view().getReader();
  using time = new FakeTime();
  await reader.read();
  const read = reader.read();
  await turn();
  time.tick(15_000);
  strictEqual(new TextDecoder().decode((await read).value), ": still here\n\n");
  await reader.cancel();
});

streamTest(
  "a stream in events has what lines mean, and skips long ways without any",
  async (source) => {
    for (let n = 0; n < 20; n++) {
      source.write(
        ...Array.from({ length: 5000 }, () => '{"type":"no"}'),
      );
    }
    source.write('{"type":"text","text":"hi"}', '{"type":"no"}');
    source.end();
    const messages = SSE.read(await readAll(source.view({ format: "events" })));
    deepStrictEqual(messages.map(({ event, id }) => [event, id]), [
      ["session_update", "e:100001"],
      [undefined, "e:100003"],
    ]);
  },
);

streamTest("a viewer who leaves is forgotten", async (source) => {
  source.write("a");
  const text = await readUntil(source.view(), "data: a");
  deepStrictEqual(ids(text), ["e:1"]);
  // The test itself fails when a timer is left. One that never reads has none.
  await source.view().cancel();
  source.view();
});

streamTest("a stream ends with a session that is deleted", async (source) => {
  source.write("a");
  const text = readAll(source.view());
  await turn();
  source.running = false;
  source.log.close();
  deepStrictEqual(ids(await text), ["e:1"]);
});

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `e:${first + index}`);
}

/** Lets everybody else have a turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
