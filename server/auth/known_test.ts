import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { Known } from "./known.ts";

Deno.test("a mark tells nothing of its texts, and is of this object alone", () => {
  const known = new Known(10);
  const mark = known.mark("entry", "token");
  match(mark, /^[0-9a-f]{64}$/);
  strictEqual(known.mark("entry", "token"), mark);
  notStrictEqual(known.mark("entryt", "oken"), mark);
  notStrictEqual(known.mark("entry", "token", ""), mark);
  notStrictEqual(new Known(10).mark("entry", "token"), mark);
});

Deno.test("the marks that were not used for longest are forgotten", () => {
  const known = new Known(2);
  known.add("a");
  known.add("b");
  strictEqual(known.has("a"), true);
  known.add("c");
  strictEqual(known.has("b"), false);
  strictEqual(known.has("a"), true);
  strictEqual(known.has("c"), true);
  for (let i = 0; i < 100; i++) known.add(`${i}`);
  strictEqual(known.size, 2);
});
