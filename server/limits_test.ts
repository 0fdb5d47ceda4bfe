import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { PerAddress } from "./limits.ts";

Deno.test("enter() refuses the connection beyond the count, and takes one for each that left", () => {
  const limits = new PerAddress({ count: 2, rate: 0 });
  ok(limits.enter("a", 0) && limits.enter("a", 0));
  ok(!limits.enter("a", 0));
  ok(limits.enter("b", 0));
  limits.leave("a");
  ok(limits.enter("a", 0));
  ok(!limits.enter("a", 0));
});

Deno.test("enter() lets a burst of twice the rate in, then the rate", () => {
  const limits = new PerAddress({ count: 0, rate: 5 });
  const enter = (now: number, times: number) => {
    let entered = 0;
    for (let i = 0; i < times; i++) if (limits.enter("a", now)) entered++;
    return entered;
  };
  strictEqual(enter(0, 100), 10);
  strictEqual(enter(200, 100), 1);
  strictEqual(enter(1200, 100), 5);
  strictEqual(enter(100_000, 100), 10);
});

Deno.test("a refused connection costs nothing of the count", () => {
  const limits = new PerAddress({ count: 1, rate: 1 });
  ok(limits.enter("a", 0));
  for (let i = 0; i < 50; i++) ok(!limits.enter("a", 0));
  limits.leave("a");
  ok(limits.enter("a", 5000));
});

Deno.test("without limits nothing is counted or kept", () => {
  const limits = new PerAddress({ count: 0, rate: 0 });
  for (let i = 0; i < 1000; i++) ok(limits.enter("a", 0));
  strictEqual(limits.size, 0);
  limits.leave("a");
});

Deno.test("sweep() forgets an address only when it is gone and its rate has recovered", () => {
  const limits = new PerAddress({ count: 5, rate: 1 });
  ok(limits.enter("stays", 0) && limits.enter("leaves", 0));
  limits.leave("leaves");
  limits.sweep(1000);
  strictEqual(limits.size, 2);
  limits.sweep(2001);
  strictEqual(limits.size, 1);
  limits.leave("stays");
  limits.sweep(2001);
  strictEqual(limits.size, 0);
});

Deno.test("sweep() gives nobody more than the limits allow", () => {
  const step = fc.record({
    kind: fc.constantFrom("enter", "leave", "sweep"),
    wait: fc.nat(1500),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const limits = new PerAddress({ count: 3, rate: 2 });
    let now = 0;
    let inside = 0;
    const entered: number[] = [];
    for (const { kind, wait } of steps) {
      now += wait;
      if (kind === "sweep") limits.sweep(now);
      else if (kind === "leave") {
        if (inside === 0) continue;
        inside--;
        limits.leave("a");
      } else if (limits.enter("a", now)) {
        inside++;
        entered.push(now);
      }
      ok(inside <= 3);
    }
    // In any window: the burst, and what the rate gives in that time.
    for (const [index, from] of entered.entries()) {
      for (const [other, to] of entered.entries()) {
        if (other < index) continue;
        ok(other - index + 1 <= 4 + (to - from) / 1000 * 2 + 1e-6);
      }
    }
  }));
});
