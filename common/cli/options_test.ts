import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { environment, strayVariables, variable } from "./environment.ts";
import { choice, count, list, type Option, type Options, port } from "./options.ts";
import { seconds, secretFile, size, text, textCodec, toggle, type Values } from "./options.ts";
import { resolve, type Source } from "./resolve.ts";
import { UsageError } from "./usage.ts";
import { testWith } from "../testdata/gate.ts";

const BASE = { about: "for a test", group: "Test" };

/** A source that names itself. */
function source(values: Record<string, unknown>, name = "the test's"): Source {
  return { describe: (key) => `${name} ${key}`, get: (key) => values[key] };
}

// deno-lint-ignore no-explicit-any -- any kind of option
function read(option: Option<any>, value: unknown): unknown {
  return resolve({ it: option }, [source({ it: value })]).it;
}

// deno-lint-ignore no-explicit-any -- any kind of option
function refuses(option: Option<any>, value: unknown, expectation: string): void {
  throws(() => read(option, value), (error) => {
    ok(error instanceof UsageError, String(error));
    strictEqual(
      error.message,
      `the test's it: expected ${expectation}, found ${JSON.stringify(value)}`,
    );
    return true;
  });
}

Deno.test("port() takes 0 to 65535, as text or number, and nothing else", () => {
  const option = port(BASE);
  for (const value of [0, 1, 8080, 65535]) {
    strictEqual(read(option, value), value);
    strictEqual(read(option, String(value)), value);
  }
  for (
    const bad of [-1, 65536, 1.5, "-1", "65536", "80.5", "", " 80", "0x50", "8e1", "abc", true]
      .concat(null as never, [] as never)
  ) {
    refuses(option, bad, "a port, 0 to 65535");
  }
});

Deno.test("count() takes whole numbers within its bounds", () => {
  const option = count({ ...BASE, default: 2, min: 1, max: 10 });
  strictEqual(read(option, "10"), 10);
  strictEqual(read(option, 1), 1);
  for (const bad of [0, 11, "0", "11", "1.5", 1.5, "ten"]) {
    refuses(option, bad, "a whole number, 1 to 10");
  }
});

Deno.test("seconds() takes fractions, from its least on", () => {
  const option = seconds({ ...BASE, default: 1, min: 0.05 });
  strictEqual(read(option, "0.05"), 0.05);
  strictEqual(read(option, 2.5), 2.5);
  strictEqual(read(option, "30"), 30);
  for (const bad of ["0.049", -1, "-1", "1s", "1e3", "2000000"]) {
    refuses(option, bad, "a number of seconds, 0.05 or more");
  }
  throws(() => read(option, Infinity), UsageError);
  throws(() => read(option, NaN), UsageError);
});

Deno.test("text() takes what its pattern takes", () => {
  strictEqual(read(text(BASE), "anything at all"), "anything at all");
  refuses(text(BASE), "", "some text");
  refuses(text(BASE), 7, "some text");
  const option = text({ ...BASE, pattern: /^[a-z]+$/, expects: "small letters" });
  strictEqual(read(option, "abc"), "abc");
  refuses(option, "aBc", "small letters");
});

Deno.test("list() takes several values, from text separated by commas or as an array", () => {
  const option = list({ ...BASE, pattern: /^[a-z]+$/, expects: "small letters" });
  deepStrictEqual(read(option, "a"), ["a"]);
  deepStrictEqual(read(option, " a, b ,,c "), ["a", "b", "c"]);
  deepStrictEqual(read(option, ["a", "b"]), ["a", "b"]);
  deepStrictEqual(resolve({ it: option }, []).it, []);
  for (const bad of [1, { a: 1 }]) refuses(option, bad, "small letters");
  // Of several the bad one is shown.
  const cases: [unknown, string][] = [["a,B", '"B"'], [["a", "B"], '"B"'], [["a", 1], "1"], [
    [["a"]],
    '["a"]',
  ]];
  for (const [bad, found] of cases) {
    throws(() => read(option, bad), new RegExp(`small letters, found ${RegExp.escape(found)}$`));
  }
});

Deno.test("size() takes bytes, with a unit or without", () => {
  const option = size({ ...BASE, default: 0 });
  const cases: [unknown, number][] = [
    [500, 500],
    ["500", 500],
    ["500KB", 500_000],
    ["500 kb", 500_000],
    ["1.5m", 1_500_000],
    ["64MiB", 67_108_864],
    ["2G", 2_000_000_000],
  ];
  for (const [given, bytes] of cases) strictEqual(read(option, given), bytes);
  for (const bad of ["", "MB", "1 parsec", -1, 1.5, "1e3", "9999999999GB", true]) {
    refuses(option, bad, "bytes, such as 500KB or 10MB");
  }
});

Deno.test("textCodec() reads a value out of text, and writes it again", () => {
  const schema = textCodec(
    /^#\d+$/,
    (text) => text === "#0" ? undefined : { number: Number(text.slice(1)) },
    ({ number }) => `#${number}`,
  );
  const option: Option<{ number: number }> = { ...BASE, expects: "# and a number", schema };
  deepStrictEqual(read(option, "#7"), { number: 7 });
  for (const bad of ["7", "#", "#0", 7, null]) refuses(option, bad, "# and a number");
  strictEqual(z.encode(schema(), { number: 8 }), "#8");
});

Deno.test("values have the types of their options", () => {
  const options = {
    some: text({ ...BASE, default: "x" }),
    any: text(BASE),
    formed: text({ ...BASE, pattern: /x/, expects: "x" }),
    hidden: { ...text(BASE), secret: true },
    port: port(BASE),
    fixed: port({ ...BASE, default: 1 }),
    word: choice({ ...BASE, choices: ["a", "b"] }),
  };
  const values: Values<typeof options> = resolve(options, []);
  type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
    : false;
  const same: Same<Values<typeof options>, {
    some: string;
    any: string | undefined;
    formed: string | undefined;
    hidden: string | undefined;
    port: number | undefined;
    fixed: number;
    word: "a" | "b" | undefined;
  }> = true;
  ok(same);
  deepStrictEqual([values.some, values.any, values.fixed], ["x", undefined, 1]);
});

Deno.test("choice() takes one of its words, in their own spelling", () => {
  const option = choice({ ...BASE, choices: ["replace", "reject"], default: "replace" });
  strictEqual(read(option, "reject"), "reject");
  for (const bad of ["Reject", "", "toString", "__proto__", 0, true]) {
    refuses(option, bad, "one of replace, reject");
  }
});

Deno.test("toggle() takes words for on and off, and booleans", () => {
  const option = toggle({ ...BASE, default: false });
  for (const on of [true, "true", "1", "yes", "on"]) strictEqual(read(option, on), true);
  for (const off of [false, "false", "0", "no", "off"]) strictEqual(read(option, off), false);
  for (const bad of ["", "TRUE", "enabled", 1, 0, null]) refuses(option, bad, "true or false");
});

Deno.test("resolve() takes the first source that has a value, else the default", () => {
  const options = { a: count({ ...BASE, default: 1 }), b: text(BASE) } satisfies Options;
  const [flags, file] = [source({ a: "2" }, "flag"), source({ a: 3, b: "x" }, "file")];
  deepStrictEqual(resolve(options, [flags, file]), { a: 2, b: "x" });
  deepStrictEqual(resolve(options, [file, flags]), { a: 3, b: "x" });
  deepStrictEqual(resolve(options, []), { a: 1, b: undefined });
});

Deno.test("resolve() names the source that a bad value came from, and not a weaker one", () => {
  const options = { a: count({ ...BASE, default: 1 }) };
  const [flags, file] = [source({ a: "x" }, "flag"), source({ a: 3 }, "file")];
  throws(() => resolve(options, [flags, file]), /^UsageError: flag a: expected a whole number/);
  strictEqual(resolve(options, [file, flags]).a, 3);
});

Deno.test("resolve() wants what an option is nothing without, but not for its default", () => {
  const needs = { b: "there is no b" };
  const options = {
    a: { ...count({ ...BASE, default: 1 }), needs },
    b: text(BASE),
  } satisfies Options;
  const [flags, file] = [source({ a: "2" }, "flag"), source({ b: "x" }, "file")];
  const lacks = (sources: Source[], message: RegExp) =>
    throws(() => resolve(options, sources), message);
  lacks([flags], /^UsageError: flag a: expected --b as well, found none: there is no b$/);
  deepStrictEqual(resolve(options, [flags, file]), { a: 2, b: "x" });
  deepStrictEqual(resolve(options, [source({ a: 1 }, "flag")]), { a: 1, b: undefined });
  // What is wrong already is not missing as well, and has no needs.
  lacks([flags, source({ b: 5 }, "file")], /^UsageError: file b: expected some text, found 5$/);
  lacks([source({ a: "x" }, "flag")], /^UsageError: flag a: expected a whole number[^\n]*$/);
});

Deno.test("resolve() tells all that is wrong at once", () => {
  const options = { a: count({ ...BASE, default: 1 }), b: text(BASE), c: port(BASE) };
  const flags = { ...source({ a: "x", c: 1 }, "flag"), problems: ["unknown option '--d'"] };
  throws(() => resolve(options, [flags, source({ b: 7 }, "file")]), (error) => {
    ok(error instanceof UsageError);
    strictEqual(
      error.message,
      "3 problems\n  unknown option '--d'\n" +
        '  flag a: expected a whole number, 0 to 1000000, found "x"\n' +
        "  file b: expected some text, found 7",
    );
    return true;
  });
});

Deno.test("resolve() shows the beginning of what is long, and numbers of any size", () => {
  const option = text({ ...BASE, pattern: /^x$/ });
  throws(() => read(option, "y".repeat(10_000)), (error) => String(error).length < 400);
  throws(() => read(option, 10n ** 20n), /found 100000000000000000000$/);
});

Deno.test("resolve() does not show the value of a secret", () => {
  const option = {
    ...text({ ...BASE, pattern: /^[a-z]+$/, expects: "small letters" }),
    secret: true,
  };
  throws(() => read(option, "S3CRET"), (error) => {
    ok(error instanceof UsageError);
    ok(!error.message.includes("S3CRET"), error.message);
    ok(error.message.includes("expected small letters"), error.message);
    return true;
  });
});

Deno.test("resolve() throws nothing but UsageError, whatever a file holds", () => {
  const options: Options = {
    port: port(BASE),
    count: count({ ...BASE, default: 1 }),
    seconds: seconds({ ...BASE, default: 1 }),
    text: text(BASE),
    list: list(BASE),
    choice: choice({ ...BASE, choices: ["a", "b"], default: "a" }),
    toggle: toggle({ ...BASE, default: true }),
  };
  fc.assert(fc.property(
    fc.constantFrom(...Object.keys(options)),
    fc.oneof(fc.jsonValue(), fc.string(), fc.double(), fc.date()),
    (key, value) => {
      try {
        resolve(options, [source({ [key]: value })]);
      } catch (error) {
        ok(error instanceof UsageError, String(error));
      }
    },
  ));
});

Deno.test("variable() is the flag in capitals", () => {
  strictEqual(variable("ARPS", "control-port"), "ARPS_CONTROL_PORT");
  strictEqual(variable("ARPC", "alias"), "ARPC_ALIAS");
});

Deno.test({
  name: "environment() is empty where the program may not read it, and asks nobody",
  permissions: "none",
  fn: () => strictEqual(environment("ARPTEST").get("path"), undefined),
});

testWith([{ name: "env" }], "environment() gives what is set, and takes empty for unset", () => {
  const given = environment("ARPTEST", { "log-level": "ARPTEST_OTHER" });
  try {
    Deno.env.set("ARPTEST_POOL_SIZE", "5");
    Deno.env.set("ARPTEST_BIND", "");
    strictEqual(given.get("pool-size"), "5");
    strictEqual(given.describe("pool-size"), "environment variable ARPTEST_POOL_SIZE");
    strictEqual(given.get("bind"), undefined);
    strictEqual(given.get("log-level"), undefined);
    Deno.env.set("ARPTEST_OTHER", "debug");
    strictEqual(given.get("log-level"), "debug");
    strictEqual(given.describe("log-level"), "environment variable ARPTEST_OTHER");
    Deno.env.set("ARPTEST_LOG_LEVEL", "error");
    strictEqual(given.get("log-level"), "error");
    strictEqual(given.describe("log-level"), "environment variable ARPTEST_LOG_LEVEL");
  } finally {
    for (const name of ["POOL_SIZE", "BIND", "OTHER", "LOG_LEVEL"]) {
      Deno.env.delete(`ARPTEST_${name}`);
    }
  }
});

testWith(
  [{ name: "env" }],
  "environment() refuses what is empty where it would shut something",
  () => {
    const options = {
      "key": { ...text(BASE), secret: true },
      "key-file": secretFile("key", ""),
      "gate": { ...text(BASE), guards: true },
      "plain": text(BASE),
    };
    const given = environment("ARPTEST", { "key": "ARPTEST_OTHER" }, options);
    const names = ["KEY", "KEY_FILE", "GATE", "PLAIN", "OTHER"].map((name) => `ARPTEST_${name}`);
    const [key, file, gate, plain, other] = names as [string, string, string, string, string];
    const refused = (option: string, name: string) =>
      throws(
        () => given.get(option),
        (error) =>
          error instanceof UsageError &&
          error.message === `environment variable ${name} is empty: give it a value, or unset it`,
      );
    try {
      for (const option of Object.keys(options)) strictEqual(given.get(option), undefined);
      for (const name of [key, file, gate, plain]) Deno.env.set(name, "");
      for (const [option, name] of [["key", key], ["key-file", file], ["gate", gate]] as const) {
        refused(option, name);
      }
      strictEqual(given.get("plain"), undefined);
      // The weaker name does not hide what was meant by the stronger one, nor the other way round.
      Deno.env.set(other, "value");
      refused("key", key);
      Deno.env.delete(key);
      strictEqual(given.get("key"), "value");
      Deno.env.set(other, "");
      refused("key", other);
      Deno.env.set(key, "value");
      strictEqual(given.get("key"), "value");
      // What is said by a flag is not asked of the environment.
      Deno.env.set(key, "");
      strictEqual(resolve({ key: options.key }, [source({ key: "flag" }), given]).key, "flag");
    } finally {
      for (const name of names) Deno.env.delete(name);
    }
  },
);

testWith([{ name: "env" }], "strayVariables() are those with the prefix that mean nothing", () => {
  const prefix = "ARPSTRAY";
  const set = {
    POOLSIZE: "hush",
    PUBLIK_PORT: "1",
    POOL_SIZE: "1",
    ELSE: "",
    // Kubernetes sets these beside a service of that name.
    SERVICE_HOST: "10.0.0.1",
    SERVICE_PORT_CONTROL: "17001",
    PORT: "tcp://10.0.0.1:17001",
    PORT_17001_TCP_ADDR: "10.0.0.1",
    ADMIN_SERVICE_HOST: "10.0.0.1",
    ADMIN_PORT_17004_TCP: "tcp://10.0.0.1:17004",
  };
  try {
    for (const [name, value] of Object.entries(set)) Deno.env.set(`${prefix}_${name}`, value);
    deepStrictEqual(strayVariables(prefix, ["pool-size", "public-port", "port"]), [
      "environment variable ARPSTRAY_ELSE is no option",
      "environment variable ARPSTRAY_POOLSIZE is no option; did you mean ARPSTRAY_POOL_SIZE?",
      "environment variable ARPSTRAY_PUBLIK_PORT is no option; did you mean ARPSTRAY_PUBLIC_PORT?",
    ]);
  } finally {
    for (const name of Object.keys(set)) Deno.env.delete(`${prefix}_${name}`);
  }
});

Deno.test("size() keeps within its bounds, however it is written, and the schema says so", () => {
  const head = size({ ...BASE, default: 2048, min: 1024, max: 65536 });
  for (const [given, bytes] of [["1KiB", 1024], [65536, 65536], ["64KiB", 65536]] as const) {
    strictEqual(resolve({ head }, [source({ head: given })]).head, bytes);
  }
  for (const given of ["1023", 1, "65KiB", 0, "1MiB"]) {
    throws(
      () => resolve({ head }, [source({ head: given })]),
      /head: expected bytes, 1KiB to 64KiB, found/,
    );
  }
  const { anyOf } = z.toJSONSchema(head.schema(), { io: "input" });
  deepStrictEqual(anyOf?.[0], { type: "integer", minimum: 1024, maximum: 65536 });
});

Deno.test("an error about a URL does not show the password in it", () => {
  const options = { url: text({ about: "", group: "", pattern: /^https:\/\/[a-z.]+$/ }) };
  const given = { describe: () => "--url", get: () => "https://me:secret@host" };
  throws(() => resolve(options, [given]), (error) => {
    ok(error instanceof UsageError);
    ok(!error.message.includes("secret") && error.message.includes("//…@host"), error.message);
    return true;
  });
});
