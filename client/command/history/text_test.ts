import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { object, oneLine, text, textsIn, time } from "./text.ts";

Deno.test("oneLine() makes a title out of any text", () => {
  strictEqual(oneLine("  Fix\tthe\n\n  thing\u0000 \u001b[31mnow "), "Fix the thing [31mnow");
  strictEqual(oneLine(undefined), "");
  strictEqual(oneLine(" \n "), "");
  const long = oneLine("word ".repeat(1000));
  ok(long.endsWith("word…") && long.length <= 200, long);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (value) => {
      const title = oneLine(value);
      ok([...title].length <= 200);
      // deno-lint-ignore no-control-regex
      ok(!/[\u0000-\u001f\u007f\n]|^\s|\s$/.test(title));
    }),
  );
});

Deno.test("oneLine() never cuts a character in two", () => {
  const title = oneLine("😀".repeat(300));
  strictEqual([...title].length, 200);
  ok(title.isWellFormed());
});

Deno.test("textsIn() finds the texts in all shapes of content", () => {
  deepStrictEqual(textsIn("plain"), ["plain"]);
  deepStrictEqual(
    textsIn([{ text: "one" }, { type: "image" }, null, "x", { text: " " }, { text: 3 }, {
      text: "two",
    }]),
    ["one", "two"],
  );
  for (const none of [undefined, null, 3, {}, { text: "a" }, [], ""]) {
    deepStrictEqual(textsIn(none), []);
  }
});

Deno.test("time() takes ISO 8601 and milliseconds", () => {
  strictEqual(time("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00.000Z");
  strictEqual(time(0), "1970-01-01T00:00:00.000Z");
  for (const bad of ["soon", "", undefined, null, {}, NaN, 1e300]) strictEqual(time(bad), null);
});

Deno.test("object() and text() take only what they say", () => {
  deepStrictEqual([object({}), object([]), object(null), object("a")], [
    {},
    undefined,
    undefined,
    undefined,
  ]);
  deepStrictEqual([text("a"), text(" "), text(1), text(undefined)], [
    "a",
    undefined,
    undefined,
    undefined,
  ]);
});
