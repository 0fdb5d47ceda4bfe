import { deepStrictEqual } from "node:assert/strict";
import { judge, type Measured } from "./report.ts";
import type { Sample } from "./trend.ts";

const row = (value: (nth: number) => number): Sample[] =>
  Array.from({ length: 40 }, (_, nth) => [nth * 15, value(nth)]);

/** A soak in which all went well. */
function measured(): Measured {
  const tally = { visits: 9, bytes: 9, excused: 1, harmed: [], mismatches: [] };
  return {
    seconds: 600,
    tallies: { steady: tally },
    faults: { "control reset": 1 },
    back: { count: 1, p50: 1, p99: 1, most: 1, lost: [] },
    series: { arps: { fds: row(() => 40), heap: row(() => 1e7), rss: row(() => 8e7) } },
    unhandled: [],
  };
}

Deno.test("judge() finds nothing where all is well", () => {
  deepStrictEqual(judge(measured()).violations, []);
});

Deno.test("judge() tells of whatever must not be", () => {
  const { tallies, back, series } = measured();
  const cases: [Partial<Measured>, string][] = [
    [{ unhandled: ["arps: {}"] }, "unhandled fault: arps: {}"],
    [
      { tallies: { steady: { ...tallies.steady!, mismatches: ["a byte"] } } },
      "wrong bytes: a byte",
    ],
    [{ tallies: { steady: { ...tallies.steady!, harmed: ["a visit"] } } }, "harmed: a visit"],
    [{ tallies: { steady: { ...tallies.steady!, visits: 0 } } }, "nobody visited steady"],
    [{ back: { ...back, lost: ["after it"] } }, "the client did not come back after it"],
    [
      { series: { arps: { ...series.arps!, fds: row((nth) => 40 + nth / 10) } } },
      "fds of arps grew by 2.9",
    ],
    [
      { series: { arps: { ...series.arps!, heap: row((nth) => 1e7 + nth * 1e5) } } },
      "heap of arps grew by 2.77 MiB",
    ],
  ];
  for (const [change, violation] of cases) {
    deepStrictEqual(judge({ ...measured(), ...change }).violations, [violation]);
  }
});
