import { ok, strictEqual } from "node:assert/strict";
import { type Sample, trendOf } from "./trend.ts";

const row = (count: number, value: (at: number) => number): Sample[] =>
  Array.from({ length: count }, (_, nth) => [nth * 10, value(nth * 10)]);

Deno.test("trendOf() finds the slope of a line, and not of its warm-up", () => {
  const trend = trendOf(row(40, (at) => at < 100 ? 1e6 - at * 1000 : 5 + at / 3600))!;
  strictEqual(trend.samples, 30);
  ok(Math.abs(trend.perHour - 1) < 1e-6, `${trend.perHour}`);
  ok(Math.abs(trend.growth - 290 / 3600) < 1e-6, `${trend.growth}`);
});

Deno.test("trendOf() takes noise for what it is", () => {
  const trend = trendOf(row(101, (at) => 50 + (at / 10 % 2 === 0 ? 3 : -3)))!;
  ok(Math.abs(trend.growth) < 0.5, `${trend.growth}`);
});

Deno.test("trendOf() says nothing of few samples, or of one moment", () => {
  strictEqual(trendOf(row(9, () => 1)), undefined);
  strictEqual(trendOf(Array.from({ length: 20 }, () => [1, 2] as const)), undefined);
});
