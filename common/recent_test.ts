import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Recent } from "./recent.ts";

Deno.test("Recent forgets what was not used for the longest", () => {
  const recent = new Recent<string, number>(2);
  recent.set("a", 1);
  recent.set("b", 2);
  strictEqual(recent.get("a"), 1);
  recent.set("c", 3);
  recent.set("c", 4);
  deepStrictEqual(["a", "b", "c"].map((key) => recent.peek(key)), [1, undefined, 4]);
  strictEqual(recent.size, 2);
});

Deno.test("to peek into Recent is no use of what is there", () => {
  const recent = new Recent<number, string>(2);
  recent.set(1, "a");
  recent.set(2, "b");
  strictEqual(recent.peek(1), "a");
  recent.set(3, "c");
  deepStrictEqual([recent.peek(1), recent.peek(2)], [undefined, "b"]);
});

Deno.test("Recent forgets what it is told to, and holds no more than it may", () => {
  const recent = new Recent<number, number>(3);
  for (let nth = 0; nth < 100; nth++) recent.set(nth, nth);
  strictEqual(recent.size, 3);
  deepStrictEqual([recent.delete(99), recent.delete(99), recent.delete(0)], [true, false, false]);
  strictEqual(recent.size, 2);
});
