import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { type About, parseFlags } from "./flags.ts";
import { choice, count, list, type Options, text, toggle } from "./options.ts";
import { resolve } from "./resolve.ts";
import { UsageError } from "./usage.ts";

const ABOUT: About = {
  name: "arpt",
  version: "1.2.3",
  summary: "A program for tests.",
  examples: [["arpt --pool-size 5", "more of it"], ["arpt --alias a", "by another name"]],
  prefix: "ARPT",
};
const BASE = { about: "for a test", group: "Test" };

const OPTIONS = {
  "pool-size": count({ ...BASE, about: "how many", default: 1 }),
  "bind": text({ ...BASE, about: "where", arg: "<address>", default: "0.0.0.0" }),
  "domain": text({ ...BASE, about: "under which name" }),
  "alias": list({ ...BASE, about: "also known as" }),
  "auto-reconnect": toggle({ ...BASE, about: "come back", default: true }),
  "verbose": toggle({ ...BASE, about: "say more", default: false }),
  "mode": choice({ ...BASE, about: "which way", choices: ["a", "b"], default: "a" }),
} satisfies Options;

/** What the flags say, with the defaults. */
function values(...args: string[]) {
  const line = parseFlags(ABOUT, OPTIONS, args);
  if (line.kind !== "run") throw new Error("flags for a run expected");
  return resolve(OPTIONS, [line.flags]);
}

function printed(...args: string[]): string {
  const line = parseFlags(ABOUT, OPTIONS, args);
  if (line.kind !== "print") throw new Error("something to print expected");
  return line.text;
}

/** What is wrong with them, as far as that can be told together with all else. */
function problems(...args: string[]): readonly string[] | undefined {
  const line = parseFlags(ABOUT, OPTIONS, args);
  if (line.kind !== "run") throw new Error("flags for a run expected");
  return line.flags.problems;
}

function refuses(args: string[], message: RegExp): void {
  throws(() => parseFlags(ABOUT, OPTIONS, args), (error) => {
    ok(error instanceof UsageError, String(error));
    match(error.message, message);
    match(error.message, /\nSee arpt --help\.$/);
    return true;
  });
}

const DEFAULTS = {
  "pool-size": 1,
  "bind": "0.0.0.0",
  "domain": undefined,
  "alias": [],
  "auto-reconnect": true,
  "verbose": false,
  "mode": "a",
};

Deno.test("parseFlags() without flags gives nothing, so that weaker sources and defaults count", () => {
  deepStrictEqual(values(), DEFAULTS);
  const line = parseFlags(ABOUT, OPTIONS, []);
  ok(line.kind === "run");
  for (const key of Object.keys(OPTIONS)) strictEqual(line.flags.get(key), undefined, key);
});

Deno.test("parseFlags() takes a value behind a space or an equals sign", () => {
  deepStrictEqual(values("--pool-size", "5", "--bind=::", "--domain", "x.y", "--mode=b"), {
    ...DEFAULTS,
    "pool-size": 5,
    "bind": "::",
    "domain": "x.y",
    "mode": "b",
  });
});

Deno.test("parseFlags() takes a flag over the rest even when it says what the default says", () => {
  const line = parseFlags(ABOUT, OPTIONS, ["--pool-size", "1"]);
  ok(line.kind === "run");
  strictEqual(line.flags.get("pool-size"), "1");
});

Deno.test("parseFlags() turns a switch on by its name, and off by --no- and its name", () => {
  strictEqual(values("--verbose").verbose, true);
  strictEqual(values("--no-auto-reconnect")["auto-reconnect"], false);
  strictEqual(values("--no-auto-reconnect", "--auto-reconnect")["auto-reconnect"], true);
});

Deno.test("parseFlags() gathers a repeated flag", () => {
  deepStrictEqual(values("--alias", "a", "--alias=b", "--alias", "c").alias, ["a", "b", "c"]);
});

Deno.test("parseFlags() takes the last of a flag that is not a list", () => {
  strictEqual(values("--pool-size", "2", "--pool-size", "3")["pool-size"], 3);
});

Deno.test("parseFlags() refuses an unknown flag and suggests the nearest", () => {
  deepStrictEqual(problems("--pool-sise", "5", "--bind", "::", "--poolsize=3", "-x"), [
    "unknown option '--pool-sise'; did you mean --pool-size?",
    "unknown option '--poolsize'; did you mean --pool-size?",
    "unknown option '-x'",
  ]);
  deepStrictEqual(problems("--no-auto-recconect"), [
    "unknown option '--no-auto-recconect'; did you mean --no-auto-reconnect?",
  ]);
  deepStrictEqual(problems("--no-such-thing"), ["unknown option '--no-such-thing'"]);
});

Deno.test("parseFlags() reads the flags around an unknown one", () => {
  const line = parseFlags(ABOUT, OPTIONS, ["--pool-size=2", "--nope", "x", "--bind", "::"]);
  ok(line.kind === "run");
  deepStrictEqual([line.flags.get("pool-size"), line.flags.get("bind")], ["2", "::"]);
});

Deno.test("parseFlags() refuses a flag whose value is missing", () => {
  refuses(["--pool-size"], /'--pool-size <number>' argument missing/);
  refuses(["--bind", "--verbose", "--domain"], /'--domain <text>' argument missing/);
});

Deno.test("parseFlags() refuses words that belong to no flag", () => {
  deepStrictEqual(problems("start"), ["too many arguments: 1 that belong to no flag"]);
  deepStrictEqual(problems("--verbose", "yes", "no"), [
    "too many arguments: 2 that belong to no flag",
  ]);
});

Deno.test("parseFlags() suggests the command that is nearest to a first word", () => {
  const about = { ...ABOUT, commands: [["reach", "the other side of it"]] } as const;
  const line = parseFlags(about, OPTIONS, ["raech"]);
  ok(line.kind === "run");
  deepStrictEqual(line.flags.problems, ["unknown command 'raech'; did you mean arpt reach?"]);
});

Deno.test("parseFlags() says what to do instead of a first word that is no command", () => {
  const about: About = {
    ...ABOUT,
    commands: [["reach", "the other side of it"], ["token make", "a token"]],
    hint: ([word]) => word === "http" ? "it is arpt --bind" : undefined,
  };
  const wrong = (...args: string[]) => {
    const line = parseFlags(about, OPTIONS, args);
    ok(line.kind === "run");
    return line.flags.problems;
  };
  deepStrictEqual(wrong("http", "3000"), ["unknown command 'http'; it is arpt --bind"]);
  deepStrictEqual(wrong("tokne"), ["unknown command 'tokne'; did you mean arpt token?"]);
  deepStrictEqual(wrong("tokenmake"), [
    "unknown command 'tokenmake'; did you mean arpt token make?",
  ]);
  deepStrictEqual(wrong("serve"), ["unknown command 'serve'; arpt has reach, token"]);
  // What may be a secret is not repeated, neither in front nor behind a flag.
  const excess = ["too many arguments: 1 that belong to no flag"];
  deepStrictEqual(wrong("hush-Hush-42"), excess);
  deepStrictEqual(wrong("--domain", "hush", "hush"), excess);
});

Deno.test("parseFlags() refuses a value for a switch", () => {
  deepStrictEqual(problems("--verbose=yes", "--auto-reconnect=false", "--no-auto-reconnect=1"), [
    "option '--verbose' takes no value",
    "option '--auto-reconnect' takes no value; --no-auto-reconnect turns it off",
    "option '--no-auto-reconnect' takes no value",
  ]);
});

Deno.test("parseFlags() has a meaning for a flag whose value is left out", () => {
  const options = {
    ...OPTIONS,
    print: { ...choice({ ...BASE, arg: "[form]", choices: ["a", "b"] }), alone: "a" },
  };
  for (
    const [args, value] of [[["--print"], "a"], [["--print=b"], "b"], [[], undefined]] as const
  ) {
    const line = parseFlags(ABOUT, options, args);
    ok(line.kind === "run");
    strictEqual(resolve(options, [line.flags]).print, value);
  }
});

Deno.test("a bad value names its flag and what was expected", () => {
  throws(() => values("--pool-size", "many"), (error) => {
    ok(error instanceof UsageError);
    strictEqual(
      error.message,
      '--pool-size: expected a whole number, 0 to 1000000, found "many"',
    );
    return true;
  });
});

Deno.test("--help mentions every option, its default, its variable's name and the examples", () => {
  const help = printed("--help");
  strictEqual(printed("-h"), help);
  for (const [key, { about }] of Object.entries(OPTIONS)) {
    ok(help.includes(`--${key}`), key);
    ok(help.includes(about), about);
  }
  for (const [command, why] of ABOUT.examples) {
    ok(help.includes(command) && help.includes(why), command);
  }
  ok(help.includes(ABOUT.summary));
  ok(help.includes("--no-auto-reconnect"));
  ok(!help.includes("--no-verbose"));
  match(help, /0\.0\.0\.0/);
  match(help, /ARPT_POOL_SIZE/);
  ok(!help.includes("\x1b["), "no colours where nobody asked for them");
});

Deno.test("--help mentions the words that make another program of it", () => {
  const about = { ...ABOUT, commands: [["reach", "the other side of it"]] } as const;
  const line = parseFlags(about, OPTIONS, ["--help"]);
  ok(line.kind === "print");
  match(line.text, /^Commands:\n {2}arpt reach +the other side of it\n\nExamples:$/m);
  ok(!printed("--help").includes("Commands:"));
});

Deno.test("--version prints the version", () => {
  strictEqual(printed("--version").trim(), "1.2.3");
  strictEqual(printed("-V").trim(), "1.2.3");
});

Deno.test("flags go over other sources, and other sources over defaults", () => {
  const line = parseFlags(ABOUT, OPTIONS, ["--pool-size", "5", "--no-auto-reconnect"]);
  ok(line.kind === "run");
  const given = (name: string, all: Record<string, unknown>) => ({
    describe: (key: string) => `${name} ${key}`,
    get: (key: string) => all[key],
  });
  const env = given("env", { "pool-size": "6", "bind": "::1", "auto-reconnect": "true" });
  const file = given("file", { "pool-size": 7, "bind": "10.0.0.1", "verbose": true });
  deepStrictEqual(resolve(OPTIONS, [line.flags, env, file]), {
    ...DEFAULTS,
    "pool-size": 5,
    "bind": "::1",
    "auto-reconnect": false,
    "verbose": true,
  });
});
