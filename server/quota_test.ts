import { ok, strictEqual } from "node:assert/strict";
import { Quotas } from "./quota.ts";
import { Flow } from "./throttle.ts";

Deno.test("of() is one per id, and has a throttle only where there is a limit", () => {
  const quotas = new Quotas(0);
  strictEqual(quotas.of("app"), quotas.of("app"));
  ok(quotas.of("app") !== quotas.of("other"));
  strictEqual(quotas.of("app").throttle, undefined);
  strictEqual(new Quotas(1000).of("app").throttle?.rate, 1000);
});

Deno.test("expire() keeps those that are online, have visitors, or have bytes to make up for", () => {
  const quotas = new Quotas(1000);
  for (const id of ["online", "visited", "spent", "done"]) quotas.of(id);
  quotas.of("visited").visitors++;
  strictEqual(new Flow(quotas.of("spent").throttle!).take(100_000), undefined);
  quotas.expire((id) => id === "online");
  strictEqual(quotas.size, 3);
  quotas.of("visited").visitors--;
  quotas.expire(() => false);
  strictEqual(quotas.size, 1);
  ok(!quotas.of("spent").throttle!.rested);
});
