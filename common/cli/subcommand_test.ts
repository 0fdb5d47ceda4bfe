import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { port } from "./options.ts";
import { RUNNING_OPTIONS } from "./running.ts";
import { type Family, findProgram, type Subcommand, tablesOf } from "./subcommand.ts";

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

const CONNECT = program("connect");
const LIST = program("token list");
const REVOKE = { ...program("token revoke") };
REVOKE.about.operand = "which";

const FAMILY: Family = {
  about: { name: "arpx", version: "0", summary: "", examples: [], prefix: "ARPX" },
  options: { "port": port({ about: "a port", group: "Ports" }) },
  words: [CONNECT, program("token create"), LIST, REVOKE],
  groups: { token: "Tokens." },
};

/** Which program is found, and what is left for it. */
function found(...args: string[]): [name: string, ...args: string[]] {
  const asked = findProgram(FAMILY, args);
  const name = asked.kind === "own"
    ? "arpx"
    : asked.kind === "word"
    ? asked.program.about.name
    : asked.about.name;
  return [name, ...asked.args];
}

Deno.test("findProgram() finds the words in front, also behind the -- of a task runner", () => {
  for (const front of [[], ["--"]]) {
    deepStrictEqual(found(...front, "connect", "--stdio"), ["arpx connect", "--stdio"]);
    deepStrictEqual(found(...front, "token", "list", "--json"), ["arpx token list", "--json"]);
  }
});

Deno.test("findProgram() leaves other command lines to the program itself", () => {
  for (const args of [[], ["--local-port", "3000"], ["--token", "connect"], ["tok"]]) {
    deepStrictEqual(found(...args), ["arpx", ...args]);
  }
});

Deno.test("findProgram() knows a group by its first word, and what is in it", () => {
  for (const rest of [[], ["--ttl"], ["lits"]]) {
    deepStrictEqual(found("token", ...rest), ["arpx token", ...rest]);
  }
  const asked = findProgram(FAMILY, ["token"]);
  ok(asked.kind === "group");
  strictEqual(asked.about.summary, "Tokens.");
  deepStrictEqual(asked.about.commands, [
    ["create", "does token create"],
    ["list", "does token list"],
    ["revoke", "does token revoke"],
  ]);
});

Deno.test("findProgram() takes help and version as words", () => {
  const cases: [string[], string][] = [
    [["help"], "arpx"],
    [["--", "help"], "arpx"],
    [["help", "connect"], "arpx connect"],
    [["--help", "connect"], "arpx connect"],
    [["-h", "token"], "arpx token"],
    [["connect", "help"], "arpx connect"],
    [["help", "token"], "arpx token"],
    [["token", "help"], "arpx token"],
    [["help", "token", "list"], "arpx token list"],
    [["token", "list", "help"], "arpx token list"],
  ];
  for (const [args, name] of cases) {
    deepStrictEqual(found(...args), [name, "--help"], args.join(" "));
  }
  deepStrictEqual(found("version"), ["arpx", "--version"]);
  deepStrictEqual(found("--help"), ["arpx", "--help"]);
  // It is told that there is no such thing.
  deepStrictEqual(found("help", "nope"), ["arpx", "nope"]);
  // It may be what the token is called.
  deepStrictEqual(found("token", "revoke", "help"), ["arpx token revoke", "help"]);
});

Deno.test("tablesOf() has the options of the whole family", () => {
  deepStrictEqual(tablesOf(FAMILY), [
    FAMILY.options,
    ...FAMILY.words.map(({ options }) => options),
  ]);
});
