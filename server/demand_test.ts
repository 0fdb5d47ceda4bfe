import { ok, strictEqual } from "node:assert/strict";
import { Demand } from "./demand.ts";

Deno.test("peak counts the arrivals of one refill time", () => {
  const demand = new Demand();
  strictEqual(demand.peak, 0);
  for (let i = 0; i < 5; i++) demand.arrived(1000 + i);
  strictEqual(demand.peak, 5);
});

Deno.test("peak stays at one for visitors that come one after another", () => {
  const demand = new Demand();
  for (let i = 0; i < 100; i++) demand.arrived(i * 100);
  strictEqual(demand.peak, 1);
});

Deno.test("peak grows with the refill time: what is slow to come back must wait in greater number", () => {
  const peak = (refill: number) => {
    const demand = new Demand();
    for (let i = 0; i < 50; i++) demand.refilled(refill);
    for (let i = 0; i < 100; i++) demand.arrived(i * 10);
    return demand.peak;
  };
  ok(peak(5) <= 3, String(peak(5)));
  ok(peak(200) >= 15 && peak(200) <= 25, String(peak(200)));
});

Deno.test("decay() forgets a peak step by step, down to nothing", () => {
  const demand = new Demand();
  for (let i = 0; i < 32; i++) demand.arrived(0);
  const peaks: number[] = [];
  for (let i = 0; i < 20; i++) {
    peaks.push(demand.peak);
    demand.decay();
  }
  strictEqual(peaks[0], 32);
  ok(peaks.every((peak, i) => i === 0 || peak <= peaks[i - 1]!));
  ok(peaks[1]! > 0 && peaks[1]! < 32);
  strictEqual(demand.peak, 0);
});

Deno.test("a single slow refill does not make the demand", () => {
  const demand = new Demand();
  for (let i = 0; i < 50; i++) demand.refilled(10);
  demand.refilled(200);
  for (let i = 0; i < 100; i++) demand.arrived(i * 10);
  ok(demand.peak <= 6, String(demand.peak));
});
