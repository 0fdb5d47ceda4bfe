import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Stats } from "../stats.ts";
import { LATELY_S, Refusals } from "./refusals.ts";

Deno.test("refusals are told by kind, the latest first, and only when there are new ones", () => {
  const stats = new Stats();
  const refusals = new Refusals();
  strictEqual(refusals.look(stats, 1000), false);
  deepStrictEqual(refusals.rows, []);
  stats.refusals.add("http 404");
  stats.refusals.add("http 404");
  strictEqual(refusals.look(stats, 2000), true);
  strictEqual(refusals.look(stats, 3000), false);
  stats.refusedTunnels++;
  stats.refusedRegistrations.add("denied");
  strictEqual(refusals.look(stats, 4000), true);
  deepStrictEqual(refusals.rows, [
    { kind: "registration", what: "denied", count: 1, lately: 1, at: 4000 },
    { kind: "tunnel", what: "not asked for", count: 1, lately: 1, at: 4000 },
    { kind: "visitor", what: "http 404", count: 2, lately: 2, at: 2000 },
  ]);
});

Deno.test("what was refused long ago is not lately, and still counts", () => {
  const stats = new Stats();
  const refusals = new Refusals();
  stats.acceptErrors.add("public");
  refusals.look(stats, 1000);
  for (let second = 1; second <= LATELY_S; second++) refusals.look(stats, 1000 + second * 1000);
  deepStrictEqual(refusals.rows, [
    { kind: "accept", what: "public", count: 1, lately: 0, at: 1000 },
  ]);
});
