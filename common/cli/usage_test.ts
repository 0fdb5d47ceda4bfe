import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { inFileOrder, mistakesOf, nearest, UsageError, usageError } from "./usage.ts";

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

Deno.test("inFileOrder() sorts what is wrong in each file by line, and leaves the rest in place", () => {
  const file = "C:\\arps.toml";
  deepStrictEqual(
    inFileOrder([
      "--bind: first",
      `${file}:12:1: b`,
      "x.toml:9:1: other",
      `${file}:2:5: a`,
      "environment variable X: 3:1: last",
      `${file}:2:1: "0"`,
    ]),
    [
      "--bind: first",
      `${file}:2:1: "0"`,
      "x.toml:9:1: other",
      `${file}:2:5: a`,
      "environment variable X: 3:1: last",
      `${file}:12:1: b`,
    ],
  );
});

Deno.test("mistakesOf() is what a check found, and no other error", () => {
  deepStrictEqual(mistakesOf(() => {}), []);
  deepStrictEqual(
    mistakesOf(() => {
      throw new UsageError("wrong");
    }),
    ["wrong"],
  );
  throws(
    () =>
      mistakesOf(() => {
        throw new TypeError("a bug");
      }),
    /a bug/,
  );
});
