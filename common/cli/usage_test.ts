import { strictEqual } from "node:assert/strict";
import { nearest, usageError } from "./usage.ts";

const KNOWN = ["pool-size", "max-pool-size", "bind", "tls-cert", "tls-key", "public-port", "alias"];

Deno.test("nearest() finds what a slip of the finger meant", () => {
  const cases: [string, string | undefined][] = [
    ["pool-sise", "pool-size"],
    ["poolsize", "pool-size"],
    ["POOL_SIZE", "pool-size"],
    ["max-pool-sze", "max-pool-size"],
    ["alais", "alias"],
    ["publik-port", "public-port"],
    ["public", "public-port"],
    ["tls", undefined],
    ["x", undefined],
    ["", undefined],
    ["something-else", undefined],
  ];
  for (const [word, meant] of cases) strictEqual(nearest(word, KNOWN), meant, word);
  strictEqual(nearest("bind", []), undefined);
});

Deno.test("usageError() lists what is wrong, and says a single thing as it is", () => {
  strictEqual(usageError(["a is bad"]).message, "a is bad");
  strictEqual(usageError(["a is bad"], "See x.").message, "a is bad\nSee x.");
  strictEqual(usageError(["a\nb", "c"], "See x.").message, "2 problems\n  a\n  b\n  c\nSee x.");
});
