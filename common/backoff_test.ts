import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Backoff } from "./backoff.ts";

/** As close to the ceiling as a random number may come. */
const random = () => 1;

Deno.test("next() has a ceiling that doubles from min to max", () => {
  const backoff = new Backoff({ min: 500, max: 3000, random });
  const ceilings = Array.from({ length: 6 }, () => backoff.next());
  deepStrictEqual(ceilings, [500, 1000, 2000, 3000, 3000, 3000]);
});

Deno.test("next() starts at half a second and ends at 30 seconds by default", () => {
  const backoff = new Backoff({ random });
  const ceilings = Array.from({ length: 8 }, () => backoff.next());
  strictEqual(ceilings[0], 500);
  strictEqual(ceilings[7], 30_000);
});

Deno.test("next() starts over after a link that lived long enough, and only then", () => {
  const backoff = new Backoff({ min: 1, max: 8, resetAfter: 100, random });
  deepStrictEqual([backoff.next(), backoff.next(), backoff.next(99)], [1, 2, 4]);
  deepStrictEqual([backoff.next(100), backoff.next()], [1, 2]);
});

Deno.test("next() stays within max when min is beyond it", () => {
  const backoff = new Backoff({ min: 500, max: 50, random });
  deepStrictEqual([backoff.next(), backoff.next(), backoff.next(1e9)], [50, 50, 50]);
});

Deno.test("next() is anywhere between nothing and the ceiling", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 1000 }),
    fc.integer({ min: 1, max: 100_000 }),
    fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
    (min, max, draws) => {
      let at = 0;
      const backoff = new Backoff({ min, max, random: () => draws[at++]! });
      let ceiling = Math.min(min, max);
      for (const draw of draws) {
        const wait = backoff.next();
        ok(wait <= max);
        strictEqual(wait, draw * ceiling);
        ceiling = Math.min(ceiling * 2, max);
      }
    },
  ));
});

Deno.test("next() draws at random, so that many clients do not come back at once", () => {
  const waits = new Set(Array.from({ length: 50 }, () => new Backoff().next()));
  ok(waits.size > 40);
});

Deno.test("next() waits at least as long as the other side wishes, and doubles that", () => {
  const backoff = new Backoff({ min: 1, max: 8, random: () => 0 });
  const waits = Array.from({ length: 6 }, () => backoff.next(0, 5000));
  deepStrictEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  strictEqual(backoff.next(0, 90_000), 90_000);
  strictEqual(backoff.next(), 0);
  strictEqual(backoff.next(0, 5000), 5000, "it starts over once something else was the matter");
});

Deno.test("next() grows what the other side wishes as far as max, if that is further", () => {
  const backoff = new Backoff({ max: 100_000, random: () => 0 });
  const waits = Array.from({ length: 6 }, () => backoff.next(0, 5000));
  deepStrictEqual(waits, [5000, 10_000, 20_000, 40_000, 80_000, 100_000]);
});

Deno.test("next() takes no wish of more than five minutes, and none that is no time", () => {
  for (const wish of [1e9, Infinity]) {
    const wait = new Backoff().next(0, wish);
    ok(wait >= 300_000 && wait <= 450_000, `${wait}`);
  }
  for (const wish of [NaN, -1, 0, -Infinity]) {
    const wait = new Backoff().next(0, wish);
    ok(wait >= 0 && wait <= 500, `${wait}`);
  }
});

Deno.test("next() spreads those whom the other side told the same", () => {
  const waits = Array.from({ length: 50 }, () => new Backoff().next(0, 5000));
  ok(waits.every((wait) => wait >= 5000 && wait <= 7500));
  ok(new Set(waits).size > 40);
});

Deno.test("next() keeps below a ceiling for this time, and grows no further meanwhile", () => {
  const backoff = new Backoff({ min: 500, max: 30_000, random });
  const cheap = Array.from({ length: 6 }, () => backoff.next(0, 0, 5000));
  deepStrictEqual(cheap, [500, 1000, 2000, 4000, 5000, 5000]);
  deepStrictEqual([backoff.next(), backoff.next()], [5000, 10_000]);
  strictEqual(backoff.next(0, 0, 5000), 5000);
  strictEqual(backoff.next(), 20_000, "what was dear stays dear");
});
