import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { Change, Monitor } from "./monitor.ts";
import { MAX_WATCHERS, Streams } from "./stream.ts";

/** Something to watch that changes when it is told to. */
function source() {
  let hear: (change: Change) => void = () => {};
  const monitor = {
    listen: (one: typeof hear) => {
      hear = one;
      return { [Symbol.dispose]: () => hear = () => {} };
    },
  } as unknown as Monitor;
  return { monitor, change: (change: unknown) => hear(change as Change) };
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

Deno.test("a stream begins with how things stand, and goes on with what changes", async () => {
  const { monitor, change } = source();
  using streams = new Streams(monitor, () => ({ clients: 3 }));
  const reader = streams.open()!.getReader();
  change({ second: { now: 1 }, gone: ["#1"], events: [{ nth: 1 }] });
  strictEqual(await read(reader), 'event: snapshot\ndata: {"clients":3}\n\n');
  strictEqual(await read(reader), 'event: clients\ndata: {"changed":[],"gone":["#1"]}\n\n');
  strictEqual(await read(reader), 'event: events\ndata: [{"nth":1}]\n\n');
  strictEqual(await read(reader), 'event: second\ndata: {"now":1}\n\n');
  await reader.cancel();
  strictEqual(streams.count, 0);
});

Deno.test("who does not read is cut off, whatever the size of the first answer", async () => {
  const { monitor, change } = source();
  using streams = new Streams(monitor, () => "x".repeat(5_000_000));
  const slow = streams.open()!.getReader();
  const quick = streams.open()!.getReader();
  await quick.read();
  const text = "x".repeat(100_000);
  for (let nth = 0; nth < 10; nth++) {
    change({ second: text });
    await quick.read();
  }
  strictEqual(streams.count, 2);
  change({ second: text });
  strictEqual(streams.count, 1);
  await rejects(async () => {
    for (;;) await slow.read();
  }, /too slow/);
  await quick.read();
});

Deno.test("so many may watch and no more, and all of them hear of the end", async () => {
  const { monitor } = source();
  const streams = new Streams(monitor, () => 1);
  const readers = Array.from({ length: MAX_WATCHERS }, () => streams.open()!.getReader());
  strictEqual(streams.open(), undefined);
  streams[Symbol.dispose]();
  const ends = await Promise.all(readers.map(async (reader) => {
    await reader.read();
    return (await reader.read()).done;
  }));
  deepStrictEqual(new Set(ends), new Set([true]));
});
