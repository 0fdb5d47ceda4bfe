import { ok, strictEqual } from "node:assert/strict";
import { Threads } from "./threads.ts";

Deno.test("a number leads to the service's own while its session lives, for its client", () => {
  const threads = new Threads();
  {
    using _ = threads.enter(2 ** 30, "a", 57);
    strictEqual(threads.find(2 ** 30, "a"), 57);
    strictEqual(threads.find(2 ** 30, "b"), undefined);
    strictEqual(threads.find(57, "a"), undefined);
  }
  strictEqual(threads.find(2 ** 30, "a"), undefined);
  strictEqual(threads.size, 0);
});

Deno.test("a number that is taken stays with whom it is, whoever ends first", () => {
  const threads = new Threads();
  const first = threads.enter(2 ** 30, "a", 1);
  threads.enter(2 ** 30, "a", 2)[Symbol.dispose]();
  strictEqual(threads.find(2 ** 30, "a"), 1);
  first[Symbol.dispose]();
  strictEqual(threads.size, 0);
});

Deno.test("fresh() is a positive number of ten digits in 32 bits, and never the same", () => {
  const threads = new Threads();
  const seen = new Set<number>();
  for (let round = 0; round < 1000; round++) {
    const ours = threads.fresh();
    ok(ours >= 2 ** 30 && ours < 2 ** 31 && String(ours).length === 10);
    ok(!seen.has(ours));
    seen.add(ours);
    threads.enter(ours, "a", round);
  }
});
