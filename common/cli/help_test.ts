import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type About, parseFlags } from "./flags.ts";
import { item, wrap } from "./help.ts";
import { choice, count, list, type Options, size, text, toggle } from "./options.ts";

const GROUP = "Test";
const OPTIONS = {
  "pool-size": count({ about: "how many of them are kept at rest", group: GROUP, default: 1 }),
  "max-head": size({ about: "of a head", group: GROUP, default: 65536, min: 1024, max: 65536 }),
  "a-flag-with-a-long-name": text({ about: "what it is", group: GROUP, arg: "<some-value>" }),
  "alias": list({ about: "also known as", group: GROUP }),
  "level": choice({ about: "least", group: GROUP, choices: ["low", "high"], default: "low" }),
  "on": toggle({ about: "come back", group: GROUP, default: true }),
  "off": toggle({ about: "say more", group: GROUP, default: false }),
} satisfies Options;

const ABOUT: About = {
  name: "arpt",
  version: "1.2.3",
  prefix: "ARPT",
  summary: "A program for tests, with a summary that takes more than a line on some terminals.",
  examples: [[
    "arpt --pool-size 5 --a-flag-with-a-long-name 'of two words' --alias some --alias other | cat",
    "something that is worth a line, or two of them where the terminal is narrow",
  ]],
  commands: [["reach", "the other side of it, which is said at some length here"]],
  exits: "0 when the tests are green, 1 when they are not, and with 2 for those who never ran them",
};

function help(columns: number): string {
  const line = parseFlags(ABOUT, OPTIONS, ["--help"], () => columns);
  ok(line.kind === "print");
  return line.text;
}

Deno.test("wrap() breaks between words, and nothing else", () => {
  deepStrictEqual(wrap("one two three", 7), ["one two", "three"]);
  deepStrictEqual(wrap("one\ntwo", 80), ["one", "two"]);
  deepStrictEqual(wrap("indivisible it is", 4), ["indivisible", "it", "is"]);
  deepStrictEqual(wrap("", 4), [""]);
});

Deno.test("item() has a long term, and every term of a narrow help, on a line of its own", () => {
  strictEqual(item("--a <b>", "does it", 80), `  --a <b>${" ".repeat(23)}does it`);
  const long = `--${"a".repeat(30)}`;
  strictEqual(item(long, "does it", 80), `  ${long}\n${" ".repeat(32)}does it`);
  strictEqual(item("--a <b>", "does it", 60), "  --a <b>\n      does it");
});

for (const columns of [40, 60, 72, 80, 100]) {
  Deno.test(`--help fits into ${columns} columns, and says all of it`, () => {
    const text = help(columns);
    const wide = text.split("\n").filter((line) => line.length > columns);
    deepStrictEqual(wide, []);
    const flat = text.replaceAll(/( \\)?\s+/g, " ");
    const said = [
      ABOUT.summary,
      `arpt exits with ${ABOUT.exits}.`,
      ...Object.values(OPTIONS).map(({ about }) => about),
      ...ABOUT.commands!.flat(),
      ABOUT.examples[0]![0],
    ];
    for (const what of said) ok(flat.includes(what), `${what}\n${text}`);
    ok(!text.endsWith("\n\n") && text.endsWith("\n"));
  });
}

Deno.test("--help shows a default as one would write it, and none that goes without saying", () => {
  const flat = help(100).replaceAll(/\s+/g, " ");
  for (const one of ["at rest (default: 1)", "least (default: low)", "back (default: true)"]) {
    ok(flat.includes(one), one);
  }
  for (const one of ["also known as (", "say more (", "what it is ("]) ok(!flat.includes(one), one);
});
