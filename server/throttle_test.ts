import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Flow, Throttle } from "./throttle.ts";

/** A throttle whose clock is the test's; its timers are real, and short. */
function open(rate: number) {
  const clock = { ms: 0 };
  const throttle = new Throttle(rate, () => clock.ms);
  const flow = () => new Flow(throttle);
  return { clock, throttle, flow };
}

Deno.test("take() lets a second's worth go at once, then nothing", () => {
  const { throttle, flow } = open(100_000);
  const one = flow();
  for (let i = 0; i < 100; i++) strictEqual(one.take(1000), undefined);
  const late = one.take(1);
  ok(late instanceof Promise);
  strictEqual(throttle.waiting, 1);
  one.close();
  return rejects(late, Deno.errors.BadResource);
});

Deno.test("take() earns by the time that passes, and no more than a burst", () => {
  const { clock, flow } = open(100_000);
  const one = flow();
  strictEqual(one.take(100_000), undefined);
  clock.ms = 500;
  strictEqual(one.take(50_000), undefined);
  clock.ms = 100_000;
  strictEqual(one.take(100_000), undefined);
  const late = one.take(1);
  one.close();
  return rejects(late!, Deno.errors.BadResource);
});

Deno.test("take() lets a piece go whole that is larger than the burst, and it is paid later", async () => {
  const { clock, throttle, flow } = open(1000);
  const one = flow();
  strictEqual(one.take(5000), undefined);
  ok(!throttle.rested);
  clock.ms = 3999;
  const late = one.take(1);
  ok(late instanceof Promise);
  clock.ms = 4001;
  await late;
  clock.ms = 5002;
  ok(throttle.rested);
});

Deno.test("a flow that was silent overtakes those that have much to send", async () => {
  const { clock, flow } = open(100_000);
  const order: string[] = [];
  const [bulk, other, small] = [flow(), flow(), flow()];
  const send = async (name: string, one: Flow, pieces: number) => {
    for (let i = 0; i < pieces; i++) {
      await one.take(1000);
      order.push(name);
    }
  };
  // What goes at once makes no order; it goes to the first.
  await send("", bulk, 100);
  order.length = 0;
  const all = [send("bulk", bulk, 20), send("other", other, 20)];
  await Promise.resolve();
  all.push(send("small", small, 1));
  clock.ms = 1000;
  await Promise.all(all);
  ok(order.indexOf("small") <= 2, order.join());
  strictEqual(order.length, 41);
});

/** What each flow gets that always has something to send, in pieces of that size. */
async function contest(rate: number, pieces: readonly number[]): Promise<number[]> {
  const { clock, flow } = open(rate);
  await flow().take(rate);
  const got = pieces.map(() => 0);
  const flows = pieces.map(() => flow());
  const running = flows.map(async (one, nth) => {
    try {
      for (;;) {
        await one.take(pieces[nth]!);
        got[nth]! += pieces[nth]!;
      }
    } catch (error) {
      ok(error instanceof Deno.errors.BadResource);
    }
  });
  for (let turn = 0; turn < 500; turn++) {
    clock.ms += 1;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const one of flows) one.close();
  await Promise.all(running);
  return got;
}

Deno.test("flows that always have something to send get the same", async () => {
  const got = await contest(1_000_000, Array(10).fill(10_000));
  ok(Math.max(...got) - Math.min(...got) <= 20_000, `${got}`);
  const sum = got.reduce((all, one) => all + one, 0);
  ok(sum > 200_000 && sum <= 520_000, `${sum}`);
});

Deno.test("small pieces get their part beside large ones", async () => {
  const got = await contest(1_000_000, [1000, 10_000, 1000, 10_000]);
  ok(Math.max(...got) < 4 * Math.min(...got), `${got}`);
});

Deno.test("however many come for a little, who has much to send is not left out", async () => {
  const { clock, flow } = open(100_000);
  await flow().take(100_000);
  const bulk = flow();
  let [got, theirs] = [0, 0];
  const running = (async () => {
    for (; got < 20; got++) await bulk.take(1000);
  })();
  // Twenty at a time, each of them new.
  const others = Array.from({ length: 20 }, async () => {
    for (; got < 20; theirs++) await flow().take(1000);
  });
  for (let turn = 0; turn < 2000 && got < 20; turn++) {
    clock.ms += 10;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  clock.ms += 1000;
  await Promise.all([running, ...others]);
  ok(theirs < 20 * 20 * 3, `${theirs} others went before`);
});

Deno.test("close() ends the waiting turns of that flow, and the others go on", async () => {
  const { clock, throttle, flow } = open(1000);
  strictEqual(flow().take(1000), undefined);
  const [leaves, stays] = [flow(), flow()];
  const turns = [leaves.take(500), stays.take(1), leaves.take(500)];
  strictEqual(throttle.waiting, 3);
  leaves.close();
  leaves.close();
  strictEqual(throttle.waiting, 1);
  await rejects(turns[0]!, Deno.errors.BadResource);
  await rejects(turns[2]!, Deno.errors.BadResource);
  await rejects(leaves.take(1)!, Deno.errors.BadResource);
  clock.ms = 2;
  await turns[1];
  strictEqual(throttle.waiting, 0);
});

Deno.test("no more goes than the burst, what time gave, and one piece", () => {
  const step = fc.record({ wait: fc.nat(2000), bytes: fc.integer({ min: 1, max: 5000 }) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { clock, flow } = open(2000);
    let gone = 0;
    for (const { wait, bytes } of steps) {
      clock.ms += wait;
      const one = flow();
      const turn = one.take(bytes);
      if (turn === undefined) gone += bytes;
      else turn.catch(() => {});
      one.close();
      ok(gone <= 2000 + clock.ms * 2 + 5000, `${gone} bytes in ${clock.ms} ms`);
    }
  }));
});

Deno.test("piece is a hundredth of a second, within bounds", () => {
  const pieces = [1, 1000, 200_000, 20e6, 1e9].map((rate) => new Throttle(rate).piece);
  deepStrictEqual(pieces, [1024, 1024, 2000, 200_000, 256 * 1024]);
});
