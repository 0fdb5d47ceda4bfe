import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Capabilities } from "./capabilities.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";

Deno.test("a capability is 128 random bits, and each is another", () => {
  const found = new Capabilities().issue({ id: "a" }, HERE, 1000);
  strictEqual(new Set(found).size, 1000);
  for (const one of found) match(one, /^[0-9a-f]{32}$/);
});

Deno.test("a capability is good once, for whom it was issued to", () => {
  const capabilities = new Capabilities<{ id: string }>();
  const [a, b] = [{ id: "a" }, { id: "b" }];
  const [first = "", second = ""] = capabilities.issue(a, HERE, 2, 1000);
  capabilities.issue(b, HERE, 1, 1000);
  strictEqual(capabilities.redeem(first, "b"), undefined);
  strictEqual(capabilities.redeem(first.toUpperCase() + " ", "a"), undefined);
  deepStrictEqual(capabilities.redeem(first, "a", 1250), { holder: a, took: 250 });
  strictEqual(capabilities.redeem(first, "a"), undefined);
  deepStrictEqual(capabilities.redeem(second, "a", 1000), { holder: a, took: 0 });
  strictEqual(capabilities.size, 1);
});

Deno.test("what a holder has is taken back, and that of another of its id is not", () => {
  const capabilities = new Capabilities<{ id: string }>();
  const [before, after] = [{ id: "a" }, { id: "a" }];
  const [old = ""] = capabilities.issue(before, HERE, 3);
  const [young = ""] = capabilities.issue(after, THERE, 1);
  capabilities.withdraw(before);
  strictEqual(capabilities.redeem(old, "a"), undefined);
  deepStrictEqual([capabilities.countFrom(HERE), capabilities.countFrom(THERE)], [0, 1]);
  strictEqual(capabilities.redeem(young, "a")?.holder, after);
});

Deno.test("ten seconds make a capability void, and tell whose it was", () => {
  const capabilities = new Capabilities<{ id: string }>();
  const [a, b] = [{ id: "a" }, { id: "b" }];
  const [early = ""] = capabilities.issue(a, HERE, 2, 0);
  const [late = ""] = capabilities.issue(b, HERE, 1, 1);
  deepStrictEqual(capabilities.expire(9999), []);
  deepStrictEqual(capabilities.expire(10_000), [a, a]);
  strictEqual(capabilities.redeem(early, "a"), undefined);
  strictEqual(capabilities.redeem(late, "b")?.holder, b);
  deepStrictEqual(capabilities.expire(1e9), []);
});

Deno.test("each is counted at its address until it is settled, whichever way", () => {
  const capabilities = new Capabilities<{ id: string }>();
  const [a, b] = [{ id: "a" }, { id: "b" }];
  const [one = ""] = capabilities.issue(a, HERE, 4, 0);
  capabilities.issue(b, HERE, 2, 5000);
  capabilities.issue(b, THERE, 1, 5000);
  const counts = () => [HERE, THERE].map((address) => capabilities.countFrom(address));
  deepStrictEqual(counts(), [6, 1]);
  for (let times = 0; times < 2; times++) capabilities.redeem(one, "a");
  deepStrictEqual(counts(), [5, 1]);
  capabilities.expire(10_000);
  deepStrictEqual(counts(), [2, 1]);
  capabilities.withdraw(b);
  capabilities.withdraw(b);
  deepStrictEqual(counts(), [0, 0]);
  strictEqual(capabilities.size, 0);
});
