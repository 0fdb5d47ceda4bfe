import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  choice,
  count,
  environment,
  list,
  type Option,
  type Options,
  port,
  resolve,
  seconds,
  type Source,
  text,
  toggle,
  UsageError,
  variable,
} from "./options.ts";
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
  for (const bad of ["a,B", ["a", "B"], ["a", 1], [["a"]], 1, { a: 1 }]) {
    refuses(option, bad, "small letters");
  }
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

Deno.test("an error about a URL does not show the password in it", () => {
  const options = { url: text({ about: "", group: "", pattern: /^https:\/\/[a-z.]+$/ }) };
  const given = { describe: () => "--url", get: () => "https://me:secret@host" };
  throws(() => resolve(options, [given]), (error) => {
    ok(error instanceof UsageError);
    ok(!error.message.includes("secret") && error.message.includes("//…@host"), error.message);
    return true;
  });
});
