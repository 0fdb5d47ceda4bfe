import { deepStrictEqual } from "node:assert/strict";
import { Lru } from "./lru.ts";

Deno.test("Lru forgets what was not asked for the longest", () => {
  const lru = new Lru<number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.get("a");
  lru.set("c", 3);
  lru.set("c", 4);
  deepStrictEqual([lru.get("a"), lru.get("b"), lru.get("c")], [1, undefined, 4]);
});
