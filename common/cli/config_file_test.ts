import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { configFile } from "./config_file.ts";
import { count, list, type Options, text, toggle } from "./options.ts";
import { resolve } from "./resolve.ts";
import { UsageError } from "./usage.ts";
import { fileTest } from "../testdata/gate.ts";

const BASE = { about: "for a test", group: "Test" };
const OPTIONS = {
  "config": { ...text(BASE), once: true },
  "pool-size": count({ ...BASE, default: 1 }),
  "bind": text({ ...BASE, default: "0.0.0.0" }),
  "alias": list(BASE),
  "verbose": toggle({ ...BASE, default: false }),
} satisfies Options;

/** Reads a file of that name and content; its path stands as FILE in the error. */
async function read(name: string, content: string | Uint8Array) {
  const folder = await Deno.makeTempDir();
  const path = join(folder, name);
  try {
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    return resolve(OPTIONS, [await configFile(path, OPTIONS)]);
  } catch (error) {
    if (error instanceof UsageError) {
      throw new UsageError(error.message.replaceAll(path, "FILE"));
    }
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function refuses(name: string, content: string, message: RegExp): Promise<void> {
  await rejects(read(name, content), (error) => {
    ok(error instanceof UsageError, String(error));
    match(error.message, message);
    return true;
  });
}

const ALL = {
  "config": undefined,
  "pool-size": 4,
  "bind": "::",
  "alias": ["a", "b"],
  "verbose": true,
};

fileTest("configFile() reads TOML", async () => {
  const toml = '# a comment\npool-size = 4\nbind = "::"\nalias = ["a", "b"]\nverbose = true\n';
  deepStrictEqual(await read("arps.toml", toml), ALL);
  deepStrictEqual(await read("ARPS.TOML", toml.replaceAll("\n", "\r\n")), ALL);
});

fileTest("configFile() reads JSON with comments and a comma at the end", async () => {
  const json = `{
    // one
    "pool-size": 4, /* two */
    "bind": "::",
    "alias": ["a", "b",],
    "verbose": true,
  }`;
  for (const name of ["arps.jsonc", "arps.json", "arps"]) {
    deepStrictEqual(await read(name, json), ALL);
  }
});

fileTest("configFile() takes a file whose name does not tell for what it begins with", async () => {
  const none = await read("arps.toml", "");
  for (const name of ["arps", "arps.conf"]) {
    deepStrictEqual(await read(name, '# one\npool-size = 4 # { two\nbind = "::"'), {
      ...none,
      "pool-size": 4,
      "bind": "::",
    });
    deepStrictEqual(await read(name, "\n"), none);
    for (const front of ["", "\uFEFF", "\n // one\n", "/* # one */ "]) {
      deepStrictEqual((await read(name, `${front}{ "bind": "::" }`)).bind, "::", front);
    }
  }
  await refuses("arps", "pool-size 4", /^FILE:1:\d+: not well-formed TOML: /);
  await refuses("arps", "{ pool-size", /^FILE:1:\d+: not well-formed JSON: /);
  // A name that tells is believed.
  await refuses("arps.json", 'bind = "::"', /^FILE:1:1: not well-formed JSON: /);
});

fileTest("configFile() has no sections, and says so", async () => {
  const message = /^FILE:1:\d+: "arps" is no option: options stand at the top, in no section$/;
  await refuses("arps.toml", "[arps]\npool-size = 4", message);
  await refuses("arps.toml", "arps.pool-size = 4", message);
  await refuses("arps.jsonc", '{"arps": {"pool-size": 4}}', message);
  await refuses("arps.jsonc", '{"arps": 4}', /"arps" is no option; --help has them all$/);
});

fileTest("configFile() leaves out what a file does not say", async () => {
  const none = {
    "config": undefined,
    "pool-size": 1,
    "bind": "0.0.0.0",
    "alias": [],
    "verbose": false,
  };
  deepStrictEqual(await read("arps.toml", ""), none);
  deepStrictEqual(await read("arps.json", "{}"), none);
});

fileTest("configFile() takes values as text, as a variable would have them", async () => {
  strictEqual((await read("arps.json", '{"pool-size": "4"}'))["pool-size"], 4);
});

fileTest("configFile() says on which line TOML is malformed", async () => {
  await refuses(
    "arps.toml",
    "pool-size = 4\nbind = ::\n",
    /^FILE:2:8: not well-formed TOML: /,
  );
  await refuses("arps.toml", "pool-size = 4\npool-size = 5\n", /^FILE:2:1: not well-formed TOML/);
});

fileTest("configFile() says on which line JSON is malformed", async () => {
  await refuses(
    "arps.json",
    '{\n  "pool-size": 4\n  "bind": 1\n}',
    /^FILE:3:3: not well-formed JSON: CommaExpected$/,
  );
  await refuses("arps.json", '{ "pool-size": ', /^FILE:1:16: not well-formed JSON: /);
  await refuses("arps.json", "", /^FILE:1:1: not well-formed JSON: /);
});

fileTest("configFile() refuses JSON that is no object", async () => {
  for (const json of ["[]", "null", "4", '"x"']) {
    await refuses("arps.json", json, /^FILE: expected an object of options$/);
  }
});

fileTest("configFile() names an unknown key, where it is, and what was meant", async () => {
  const message = /^FILE:1:1: "pool" is no option; did you mean "pool-size"\?$/;
  await refuses("arps.toml", "pool = 4\n", message);
  await refuses("arps.toml", "[pool]\nsize = 4\n", /^FILE:1:2: "pool" is no option/);
  await refuses("arps.toml", "pool.size = 4\npool.rest = 5\n", /^FILE:1:1: [^\n]+$/);
  await refuses("arps.json", '{\n  "alais": ["x"] }', /^FILE:2:3: .*; did you mean "alias"\?$/);
  await refuses("arps.json", '{ "POOL_SIZE": 4}', /did you mean "pool-size"/);
  await refuses("arps.json", '{ "elsewhere": 4}', /^FILE:1:3: .* is no option; --help has/);
});

fileTest("configFile() tells of a key that stands there twice", async () => {
  const json = '{\n  "pool-size": 1,\n  "bind": "::",\n  "pool-size": 2\n}';
  await refuses("arps.json", json, /^FILE:4:3: "pool-size" stands in line 2 already$/);
});

fileTest("configFile() has no place for what is said once", async () => {
  await refuses("arps.toml", 'config = "x.toml"\n', /"config" is for the command line/);
});

fileTest("configFile() tells all that is wrong with a file at once", async () => {
  await refuses(
    "arps.toml",
    '# one\nbindd = "::"\npool-size = -1\n"alias" = [\n  1 ]\nverbose = "maybe"\n',
    new RegExp(
      '^4 problems\n  FILE:2:1: "bindd" is no .*\n  FILE:3:1: "pool-size": .*found -1\n' +
        '  FILE:4:1: "alias": .*found 1\n  FILE:6:1: "verbose": .*found "maybe"$',
    ),
  );
});

fileTest("configFile() takes the schema that an editor wants, and keys of others", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "arps.jsonc");
  await Deno.writeTextFile(path, '\uFEFF{ "$schema": "x", "token": 1, "bind": "::1" }');
  const source = await configFile(path, OPTIONS, ["token"]);
  deepStrictEqual([source.problems, source.get("bind")], [[], "::1"]);
  deepStrictEqual(source.origin?.("bind"), `${path}:1`);
  await Deno.remove(folder, { recursive: true });
});

fileTest("configFile() knows no key by an inherited name", async () => {
  for (const key of ["constructor", "toString"]) {
    await refuses("arps.json", `{"${key}": 1}`, /is no option/);
    await refuses("arps.toml", `${key} = 1`, /is no option/);
  }
});

fileTest("configFile() takes no value from a prototype", async () => {
  const json = '{"__proto__": {"pool-size": 9}}';
  try {
    strictEqual((await read("arps.json", json))["pool-size"], 1);
  } catch (error) {
    ok(error instanceof UsageError);
  }
});

fileTest("a bad value in a file names the file, the key and what was expected", async () => {
  await refuses(
    "arps.toml",
    'pool-size = "many"\n',
    /^FILE:1:1: "pool-size": expected a whole number, 0 to 1000000, found "many"$/,
  );
  await refuses(
    "arps.json",
    '{"bind": null}',
    /^FILE:1:2: "bind": expected some text, found null$/,
  );
  await refuses(
    "arps.toml",
    "bind = 1979-05-27\n",
    /^FILE:1:1: "bind": expected some text, found "/,
  );
});

fileTest("configFile() says which file it cannot read", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "missing.toml");
  await rejects(configFile(path, OPTIONS), (error) => {
    ok(error instanceof UsageError);
    ok(error.message.startsWith(`Cannot read --config ${path}: `), error.message);
    ok(!error.message.includes("os error"), error.message);
    return true;
  });
  await Deno.remove(folder);
});
