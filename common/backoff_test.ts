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
