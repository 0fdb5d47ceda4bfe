import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { port } from "./options.ts";
import { RUNNING_OPTIONS } from "./running.ts";
import { findSubcommand, type Subcommand } from "./subcommand.ts";

function program(word: string): Subcommand {
  const name = `arpx ${word}`;
  return {
    word,
    brief: `does ${word}`,
    about: { name, version: "0", summary: "", examples: [], prefix: "ARPX" },
    options: RUNNING_OPTIONS,
    permissions: () => ({}),
    run: () => Promise.resolve(),
  };
}

const ALL = [program("connect"), program("token create"), program("token list")];

Deno.test("findSubcommand() finds the words in front, also behind the -- of a task runner", () => {
  for (const args of [["connect", "--stdio"], ["--", "connect", "--stdio"]]) {
    const found = findSubcommand(ALL, args);
    strictEqual(found?.program, ALL[0]);
    deepStrictEqual(found?.args, ["--stdio"]);
  }
  const found = findSubcommand(ALL, ["token", "list", "--json"]);
  strictEqual(found?.program, ALL[2]);
  deepStrictEqual(found?.args, ["--json"]);
});

Deno.test("findSubcommand() leaves other command lines to the program itself", () => {
  for (const args of [[], ["--local-port", "3000"], ["--token", "connect"], ["tok"]]) {
    strictEqual(findSubcommand(ALL, args), undefined, args.join(" "));
  }
});

Deno.test("findSubcommand() tells which second words there are", () => {
  throws(() => findSubcommand(ALL, ["token"]), /expected create, list after it, found nothing/);
  throws(() => findSubcommand(ALL, ["token", "--ttl"]), /found "--ttl"\n {2}arpx token create/);
});

Deno.test("findSubcommand() knows the keys of the whole family, but those of one run", () => {
  const own = { "port": port({ about: "a port", group: "Ports" }) };
  const found = findSubcommand(ALL, ["connect"], own);
  deepStrictEqual([...new Set(found?.others)], ["port", "log-level", "log-file"]);
});
