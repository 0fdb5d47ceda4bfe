import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Histogram, Tally } from "./tally.ts";

Deno.test("a tally counts by kind, and beyond its bound as others", () => {
  const tally = new Tally();
  tally.add("http done");
  tally.add("http done");
  tally.add("tcp reset", 3);
  deepStrictEqual([...tally], [[["http", "done"], 2], [["tcp", "reset"], 3]]);
  for (let nth = 0; nth < 1000; nth++) tally.add(`kind ${nth}`);
  strictEqual([...tally].length, 257);
  strictEqual(tally.total, 1005);
  strictEqual(tally.of("other"), 1000 - 254);
  strictEqual(tally.of("kind 999"), 0);
});

Deno.test("a histogram sorts into its bounds, the last of which has none", () => {
  const seen: number[] = [];
  const histogram = new Histogram([.01, .1, 1]);
  histogram.observer = (seconds) => seen.push(seconds);
  for (const seconds of [0, .01, .011, .5, 7]) histogram.observe(seconds);
  deepStrictEqual(histogram.counts, [2, 1, 1, 1]);
  deepStrictEqual([histogram.count, histogram.sum], [5, 7.521]);
  deepStrictEqual(seen, [0, .01, .011, .5, 7]);
});

Deno.test("quantiles of a histogram lie within the right bucket", () => {
  const histogram = new Histogram([.01, .1, 1]);
  strictEqual(histogram.quantile(.95), 0);
  for (let nth = 0; nth < 100; nth++) histogram.observe(nth < 90 ? .005 : .05);
  strictEqual(histogram.quantile(.45), .005);
  const p95 = histogram.quantile(.95);
  strictEqual(p95 > .01 && p95 < .1, true);
  for (let nth = 0; nth < 900; nth++) histogram.observe(60);
  strictEqual(histogram.quantile(.95), 1);
});
