import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { ChunkedDuplex, copy, Peek, PlainDuplex } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { Flow, Throttle } from "./throttle.ts";
import { ThrottledDuplex } from "./throttled.ts";

const BYTES = Uint8Array.from({ length: 5000 }, (_, nth) => nth % 251);

/** A peer within a limit of so many bytes a second, whose clock is the test's. */
function open(rate: number, conn = new FakeConn()) {
  const clock = { ms: 0 };
  const throttle = new Throttle(rate, () => clock.ms);
  const flow = new Flow(throttle);
  const duplex = new ThrottledDuplex(new PlainDuplex(new Peek(conn)), flow);
  return { clock, throttle, flow, duplex, conn };
}

/** Whether a promise is settled once everything that can happen has. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return settled;
}

Deno.test("fill() shows no more at a time than a piece, and all in the end", async () => {
  const { duplex: { source } } = open(100_000, new FakeConn(BYTES.subarray(0, 1500)).end());
  strictEqual(source.size, 0);
  strictEqual(await source.fill(), true);
  deepStrictEqual(source.bytes, BYTES.subarray(0, 1024));
  source.consume(1000);
  strictEqual(await source.fill(), true);
  deepStrictEqual(source.bytes, BYTES.subarray(1000, 1500));
  source.consume(source.size);
  strictEqual(await source.fill(), false);
});

Deno.test("fill() lets who looks ahead see more and more", async () => {
  const { duplex: { source } } = open(100_000, new FakeConn(BYTES));
  for (let size = 0; size < BYTES.length;) {
    await source.fill();
    ok(source.size > size && source.size <= size + 1024);
    size = source.size;
    deepStrictEqual(source.bytes, BYTES.subarray(0, size));
  }
});

Deno.test("fill() joins the one that is pending", async () => {
  const { duplex: { source }, conn } = open(100_000);
  const [one, other] = [source.fill(), source.fill()];
  conn.push(BYTES.subarray(0, 10));
  deepStrictEqual(await Promise.all([one, other]), [true, true]);
  strictEqual(source.size, 10);
});

Deno.test("nothing is read while what was read has to wait", async () => {
  const { clock, duplex, conn } = open(1000, new FakeConn(BYTES, BYTES));
  strictEqual(await duplex.source.fill(), true);
  duplex.source.consume(duplex.source.size);
  const later = duplex.source.fill();
  strictEqual(await isSettled(later), false);
  strictEqual(conn.reads.length, 1);
  clock.ms = 1100;
  strictEqual(await later, true);
  duplex.close();
});

Deno.test("both directions share the limit", async () => {
  const { clock, duplex } = open(2000, new FakeConn(BYTES.subarray(0, 100)));
  await duplex.sink.write(BYTES.subarray(0, 2000));
  const later = duplex.source.fill();
  strictEqual(await isSettled(later), false);
  clock.ms = 10;
  strictEqual(await later, true);
});

Deno.test("close() ends whoever waits for a turn", async () => {
  const { duplex, throttle, conn } = open(1000);
  await duplex.sink.write(BYTES);
  const waiting = duplex.sink.write(BYTES);
  await Promise.resolve();
  strictEqual(throttle.waiting, 1);
  duplex.close();
  await rejects(waiting, Deno.errors.BadResource);
  strictEqual(conn.written.length, BYTES.length);
  ok(conn.closed);
});

Deno.test("what passes is what was sent, chunked or not", async () => {
  for (const size of [1, 2047, 5000]) {
    const from = new FakeConn(...[BYTES.subarray(0, size), BYTES.subarray(size)]).end();
    const [there, back] = [new FakeConn(), new FakeConn()];
    const near = new ThrottledDuplex(
      new ChunkedDuplex(new Peek(there)),
      new Flow(new Throttle(1e6)),
    );
    const counts: number[] = [];
    await copy(new Peek(from), near.sink, (bytes) => counts.push(bytes));
    strictEqual(counts.reduce((sum, one) => sum + one, 0), BYTES.length);
    const far = new ThrottledDuplex(
      new ChunkedDuplex(new Peek(new FakeConn(there.written).end())),
      new Flow(new Throttle(1e6)),
    );
    await copy(far.source, new PlainDuplex(new Peek(back)).sink, () => {});
    deepStrictEqual(back.written, BYTES);
  }
});

Deno.test("copy() passes pieces, so that their count is known while they go", async () => {
  const { duplex } = open(200_000);
  const counts: number[] = [];
  const from = new Peek(new FakeConn(BYTES, BYTES, BYTES).end());
  await copy(from, duplex.sink, (bytes) => counts.push(bytes));
  ok(Math.max(...counts) <= 2000, `${counts}`);
});
