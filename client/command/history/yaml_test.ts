import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { fixture } from "./testdata/home.ts";
import { testWith } from "../../../common/testdata/gate.ts";
import { flatYaml } from "./yaml.ts";

testWith([{ name: "read" }], "flatYaml() reads what Copilot writes", () => {
  const values = flatYaml(fixture("copilot.yaml"));
  strictEqual(values.get("cwd"), "/home/alice/my pro_j.ect-a");
  strictEqual(values.get("name"), 'Fix: the "thing" # and\na second line');
  strictEqual(values.get("created_at"), "2026-01-31T20:05:43.533Z");
});

Deno.test("flatYaml() takes one-line values at the top level, and leaves all else", () => {
  const yaml = [
    ...["plain: C:\\work # a remark", "single: 'it''s'", "empty:", "blank: ", "list: [1, 2]"],
    ...["block: |-", "  text", "map: {a: 1}", "deep:", "  cwd: /no", "- item: 1", 'bad: "open'],
    "__proto__: x",
  ].join("\r\n");
  deepStrictEqual([...flatYaml(yaml)], [
    ["plain", "C:\\work"],
    ["single", "it's"],
    ["__proto__", "x"],
  ]);
});

Deno.test("flatYaml() reads back any text in double quotes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (value) => {
      strictEqual(flatYaml(`a: 1\nname: ${JSON.stringify(value)}\nb: 2`).get("name"), value);
    }),
  );
  fc.assert(fc.property(fc.string(), (any) => void flatYaml(any)));
});
