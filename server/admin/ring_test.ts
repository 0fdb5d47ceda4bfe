import { deepStrictEqual } from "node:assert/strict";
import { History, Ring } from "./ring.ts";

Deno.test("a ring keeps the newest", () => {
  const ring = new Ring<number>(3);
  deepStrictEqual(ring.items(), []);
  for (const item of [1, 2]) ring.push(item);
  deepStrictEqual(ring.items(), [1, 2]);
  for (const item of [3, 4, 5, 6, 7]) ring.push(item);
  deepStrictEqual(ring.items(), [5, 6, 7]);
});

Deno.test("a history costs nothing until something moves, and again after it has been still", () => {
  const history = new History(4);
  history.push(0);
  deepStrictEqual(history.last(), []);
  history.push(2.4);
  history.push(0);
  history.push(8);
  deepStrictEqual(history.last(), [0, 2, 0, 8]);
  deepStrictEqual(history.last(2), [0, 8]);
  for (let nth = 0; nth < 3; nth++) history.push(0);
  deepStrictEqual(history.last(), [8, 0, 0, 0]);
  history.push(0);
  deepStrictEqual(history.last(), []);
});
