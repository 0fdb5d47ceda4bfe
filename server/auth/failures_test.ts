import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Failures } from "./failures.ts";

const SECOND = 1000;

Deno.test("a network may fail ten times, then ten times a minute", () => {
  const failures = new Failures();
  const last = Array.from({ length: 10 }, () => failures.add("a", 0));
  deepStrictEqual(last, [...Array(9).fill(false), true]);
  strictEqual(failures.wait("a", 0), 6 * SECOND);
  strictEqual(failures.wait("a", 2 * SECOND), 4 * SECOND);
  strictEqual(failures.wait("a", 6 * SECOND), 0);
  strictEqual(failures.add("a", 6 * SECOND), true);
  strictEqual(failures.wait("a", 6 * SECOND), 6 * SECOND);
  strictEqual(failures.wait("a", 3600 * SECOND), 0);
});

Deno.test("what has failed meanwhile all the same makes nothing worse", () => {
  const failures = new Failures();
  for (let i = 0; i < 100; i++) failures.add("a", 0);
  strictEqual(failures.wait("a", 0), 6 * SECOND);
});

Deno.test("networks have nothing to do with each other", () => {
  const failures = new Failures();
  for (let i = 0; i < 20; i++) failures.add("a", 0);
  strictEqual(failures.wait("b", 0), 0);
});

Deno.test("looking costs nothing, and the network that failed longest ago is forgotten", () => {
  const failures = new Failures(3);
  strictEqual(failures.wait("x"), 0);
  strictEqual(failures.size, 0);
  for (let i = 0; i < 10; i++) for (const name of ["a", "b", "c"]) failures.add(name, 0);
  failures.add("a", 0);
  failures.add("d", 0);
  strictEqual(failures.size, 3);
  ok(failures.wait("a", 0) > 0);
  strictEqual(failures.wait("b", 0), 0);
});
