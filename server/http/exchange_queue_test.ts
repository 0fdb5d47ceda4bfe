import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Exchange, ExchangeQueue } from "./exchange_queue.ts";

const exchange = (size = 100) => ({ sent: { size } }) as Exchange;

/** Whether a promise is settled once all that can go on has. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => settled = true);
  for (let turn = 0; turn < 8; turn++) await null;
  return settled;
}

Deno.test("exchanges leave in the order they came", () => {
  const queue = new ExchangeQueue();
  const [one, two] = [exchange(), exchange()];
  queue.push(one);
  queue.push(two);
  deepStrictEqual([queue.size, queue.first, queue.all], [2, one, [one, two]]);
  queue.shift();
  deepStrictEqual([queue.size, queue.first], [1, two]);
  queue.shift();
  queue.shift(); // an answer that nobody asked for
  deepStrictEqual([queue.size, queue.first, queue.full], [0, undefined, false]);
});

Deno.test("64 exchanges may be due, or 256 KiB, and room is made by an answer", async () => {
  for (const [count, size] of [[64, 100], [3, 100 * 1024]] as const) {
    const queue = new ExchangeQueue();
    for (let nth = 0; nth < count; nth++) {
      strictEqual(queue.full, false);
      strictEqual(await isSettled(queue.room()), true);
      queue.push(exchange(size));
    }
    strictEqual(queue.full, true);
    const room = queue.room();
    const drained = queue.drained();
    strictEqual(await isSettled(room), false);
    queue.shift();
    strictEqual(await isSettled(room), true);
    strictEqual(await isSettled(drained), false);
    while (queue.size > 0) queue.shift();
    strictEqual(await isSettled(drained), true);
  }
});

Deno.test("at the end nobody waits any more, be there exchanges or not", async () => {
  const queue = new ExchangeQueue();
  for (let nth = 0; nth < 64; nth++) queue.push(exchange());
  const waiting = [queue.room(), queue.drained()];
  queue.end();
  deepStrictEqual(await Promise.all(waiting.map(isSettled)), [true, true]);
  strictEqual(queue.size, 64);
});
