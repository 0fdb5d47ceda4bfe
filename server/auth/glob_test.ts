import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { globMatches } from "./glob.ts";

Deno.test("globMatches() takes a star for any characters, or none", () => {
  const cases: [string, string, boolean][] = [
    ["team-*", "team-a", true],
    ["team-*", "team-", true],
    ["team-*", "team", false],
    ["team-*", "xteam-a", false],
    ["*", "", true],
    ["*", "anything", true],
    ["", "", true],
    ["", "a", false],
    ["a*b*c", "aXbYc", true],
    ["a*b*c", "abc", true],
    ["a*b*c", "acb", false],
    ["*-prod", "a-prod-prod", true],
    ["*-prod", "a-prod-", false],
    ["a.c", "abc", false],
    ["a.c", "a.c", true],
    ["Team", "team", false],
    ["**", "a", true],
  ];
  for (const [pattern, name, fits] of cases) {
    strictEqual(globMatches(pattern, name), fits, `${pattern} ${name}`);
  }
});

Deno.test("globMatches() agrees with a regular expression", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
  fc.assert(fc.property(text, name, (pattern, name) => {
    const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
    strictEqual(globMatches(pattern, name), expected);
  }));
});

Deno.test("globMatches() is quick where a regular expression would take for ever", () => {
  const start = performance.now();
  strictEqual(globMatches("*a".repeat(40) + "b", "a".repeat(128)), false);
  ok(performance.now() - start < 5000);
});
