import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Marks, Uses, withoutMark } from "./uses.ts";

Deno.test("spend() counts each token until it has expired", () => {
  const uses = new Uses();
  deepStrictEqual([1, 2, 3].map(() => uses.spend("a", 2, 100, 0)), [true, true, false]);
  ok(uses.spend("b", 1, 200, 0));
  uses.sweep(100);
  strictEqual(uses.size, 1);
  ok(!uses.spend("b", 1, 200, 0));
});

Deno.test("spend() refuses what it has no room to count", () => {
  const uses = new Uses();
  for (let nth = 0; nth < 10_000; nth++) ok(uses.spend(`${nth}`, 2, 100, 0));
  ok(!uses.spend("one more", 2, 100, 0));
  ok(uses.spend("0", 2, 100, 0), "those that are counted go on");
  strictEqual(uses.size, 10_000);
});

Deno.test("spend() refuses what was made before it forgot", () => {
  const uses = new Uses();
  uses.forget(50);
  ok(uses.spend("a", 9, 100, 40), "there was nothing to forget");
  uses.forget(50);
  strictEqual(uses.size, 0);
  ok(!uses.spend("a", 9, 100, 40));
  ok(!uses.spend("never seen", 9, 100, 50));
  ok(uses.spend("made since", 9, 100, 51));
});

Deno.test("only whoever has the key marks a cookie", async () => {
  const marks = new Marks();
  const { cookie, secret } = await marks.mark("token");
  strictEqual(withoutMark(cookie), "token");
  strictEqual(withoutMark("token"), "token");
  strictEqual((await marks.mark("token")).cookie, cookie);
  ok(secret.is(cookie));
  for (const others of [marks.mark("other"), new Marks().mark("token")]) {
    const other = await others;
    ok(!secret.is(other.cookie));
    ok(other.cookie.split("~")[1] !== cookie.split("~")[1]);
  }
});
