import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { PerAddress, type Place } from "./limits.ts";

Deno.test("enter() refuses the connection beyond the count, and takes one for each that left", () => {
  const limits = new PerAddress({ count: 2, rate: 0 });
  const first = limits.enter("a", 0);
  ok(first && limits.enter("a", 0));
  ok(!limits.enter("a", 0));
  ok(limits.enter("b", 0));
  limits.leave(first);
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
  const place = limits.enter("a", 0);
  for (let i = 0; i < 50; i++) ok(!limits.enter("a", 0));
  limits.leave(place!);
  ok(limits.enter("a", 5000));
});

Deno.test("without limits nothing is counted or kept", () => {
  const limits = new PerAddress({ count: 0, rate: 0 });
  for (let i = 0; i < 1000; i++) {
    const place = limits.enter(`a${i}`, 0);
    strictEqual(limits.size, 0);
    limits.leave(place!);
  }
});

Deno.test("sweep() forgets an address only when it is gone and its rate has recovered", () => {
  const limits = new PerAddress({ count: 5, rate: 1 });
  const [stays, leaves] = [limits.enter("stays", 0), limits.enter("leaves", 0)];
  limits.leave(leaves!);
  limits.sweep(999);
  strictEqual(limits.size, 2);
  limits.sweep(1001);
  strictEqual(limits.size, 1);
  limits.leave(stays!);
  limits.sweep(1001);
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
    const inside: Place[] = [];
    const entered: number[] = [];
    for (const { kind, wait } of steps) {
      now += wait;
      if (kind === "sweep") limits.sweep(now);
      else if (kind === "leave") {
        const place = inside.pop();
        if (place !== undefined) limits.leave(place);
      } else {
        const place = limits.enter("a", now);
        if (place === undefined) continue;
        inside.push(place);
        entered.push(now);
      }
      ok(inside.length <= 3);
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

Deno.test("without a rate an address is forgotten with its last connection", () => {
  const limits = new PerAddress({ count: 2, rate: 0 });
  const places = ["a", "a", "b"].map((address) => limits.enter(address, 0)!);
  for (const place of places) limits.leave(place);
  strictEqual(limits.size, 0);
});

Deno.test("an IPv6 machine is one, whatever address it takes", () => {
  const limits = new PerAddress({ count: 2, rate: 0 });
  ok(limits.enter("2001:db8::1", 0) && limits.enter("2001:db8::ffff:2", 0));
  ok(!limits.enter("2001:db8:0:0:1234::", 0));
  ok(limits.enter("2001:db8:0:1::1", 0));
});

Deno.test("a flood from many addresses takes bounded memory", () => {
  const limits = new PerAddress({ count: 10, rate: 10, addresses: 100 });
  for (let nth = 0; nth < 10_000; nth++) {
    const place = limits.enter(`10.0.${nth >> 8}.${nth & 255}`, nth);
    ok(place !== undefined);
    limits.leave(place);
    ok(limits.size <= 100);
  }
});

Deno.test("no flood makes the server forget who is over a limit", () => {
  const limits = new PerAddress({ count: 2, rate: 1, addresses: 100 });
  ok(limits.enter("full", 0) && limits.enter("full", 0));
  for (const _ of [1, 2]) limits.leave(limits.enter("spent", 0)!);
  for (let nth = 0; nth < 1000; nth++) {
    const place = limits.enter(`10.0.${nth >> 8}.${nth & 255}`, nth / 2);
    if (place !== undefined) limits.leave(place);
  }
  ok(!limits.enter("spent", 500));
  ok(limits.enter("spent", 1000));
  ok(!limits.enter("full", 10_000));
});

Deno.test("where there is no room, unknown addresses count as one", () => {
  const limits = new PerAddress({ count: 2, rate: 0, addresses: 2 });
  const places = ["a", "b", "c", "d"].map((address) => limits.enter(address, 0));
  ok(places.every((place) => place !== undefined));
  ok(!limits.enter("e", 0));
  ok(limits.enter("a", 0));
  // Its own connection leaves the crowd, though its address has got a place meanwhile.
  limits.leave(places[1]!);
  ok(limits.enter("c", 2000));
  limits.leave(places[2]!);
  limits.leave(places[3]!);
  ok(!limits.enter("a", 2000));
  ok(limits.enter("e", 2000) && limits.enter("f", 2000) && !limits.enter("g", 2000));
});
