import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Lately } from "./lately.ts";

Deno.test("near() is true around the last time, and after it", () => {
  const lately = new Lately(100);
  lately.note("a", 1000);
  deepStrictEqual([500, 1000, 1100, 1101].map((time) => lately.near("a", time)), [
    true,
    true,
    true,
    false,
  ]);
  ok(!lately.near("b", 1000));
  lately.note("a", 1200);
  ok(lately.near("a", 1300));
});

Deno.test("what is too long ago is forgotten as others come", () => {
  const lately = new Lately(100);
  for (let n = 0; n < 1000; n++) lately.note(`visitor ${n}`, n);
  strictEqual(lately.size, 101);
  lately.note("visitor 950", 1040);
  lately.note("one", 1051);
  ok(lately.near("visitor 950", 1051));
  strictEqual(lately.size, 51);
});
