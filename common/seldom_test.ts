import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Logger } from "./log.ts";
import { Seldom } from "./seldom.ts";

/** What is logged. */
function record() {
  const lines: [string, Record<string, unknown>][] = [];
  const take = (message: string, fields: Record<string, unknown>) => lines.push([message, fields]);
  const log = {
    warning: take,
    debug: (message: string, fields: Record<string, unknown>) => take(`debug: ${message}`, fields),
  } as unknown as Logger;
  return { lines, log };
}

Deno.test("warning() shows the first lines of each kind, then one for all the others", async () => {
  const { lines, log } = record();
  const seldom = new Seldom(log, 2, 50);
  for (let nth = 1; nth <= 10; nth++) seldom.warning("flood", { nth });
  seldom.warning("other", { nth: 1 });
  deepStrictEqual(lines, [["flood", { nth: 1 }], ["flood", { nth: 2 }], ["other", { nth: 1 }]]);
  while (lines.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  deepStrictEqual(lines[3], ["flood", { nth: 10, times: 8 }]);
  seldom.warning("flood", { nth: 11 });
  deepStrictEqual(lines[4], ["flood", { nth: 11 }]);
});

Deno.test("warning() shows all lines that come seldom", async () => {
  const { lines, log } = record();
  const seldom = new Seldom(log, 1, 20);
  for (let nth = 0; nth < 3; nth++) {
    seldom.warning("now and then", { nth });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  deepStrictEqual(lines.map(([, { nth }]) => nth), [0, 1, 2]);
});

Deno.test("disposing tells what was left out", () => {
  const { lines, log } = record();
  {
    using seldom = new Seldom(log, 1);
    for (let nth = 0; nth < 5; nth++) seldom.warning("flood", { nth });
    seldom.warning("once", {});
    strictEqual(lines.length, 2);
  }
  deepStrictEqual(lines.slice(2), [["flood", { nth: 4, times: 4 }]]);
});

Deno.test("log() counts the lines of each level on their own, and tells the others at that level", () => {
  const { lines, log } = record();
  {
    using seldom = new Seldom(log, 1);
    for (let nth = 0; nth < 3; nth++) {
      seldom.log("debug", "flood", { nth });
      seldom.warning("flood", { nth });
    }
  }
  deepStrictEqual(lines, [
    ["debug: flood", { nth: 0 }],
    ["flood", { nth: 0 }],
    ["debug: flood", { nth: 2, times: 2 }],
    ["flood", { nth: 2, times: 2 }],
  ]);
});
