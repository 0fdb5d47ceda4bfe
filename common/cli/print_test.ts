import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { configFile } from "./config_file.ts";
import { choice, count, list, port, seconds, secretFile, size, text } from "./options.ts";
import { toggle } from "./options.ts";
import { ports } from "./ports.ts";
import { CONFIG_FORMATS, printConfig } from "./print.ts";
import { resolve, type Source } from "./resolve.ts";
import { withSecretFiles } from "./secrets.ts";
import { fileTest } from "../testdata/gate.ts";

const BASE = { about: "for a test", group: "Test" };
const OPTIONS = {
  "config": { ...text(BASE), once: true },
  "port": port({ ...BASE, default: 1 }),
  "pool-size": count({ ...BASE, group: "More", default: 1 }),
  "heartbeat": seconds({ ...BASE, default: 0.5 }),
  "name": text(BASE),
  "unset": text(BASE),
  "alias": list(BASE),
  "id": text({ ...BASE, private: true }),
  "key": { ...text(BASE), secret: true },
  "key-file": secretFile("key", "Test"),
  "mode": choice({ ...BASE, choices: ["a", "b"], default: "a" }),
  "quiet": toggle({ ...BASE, default: true }),
  "rate": size({ ...BASE, default: 0 }),
  "allow": ports(BASE),
};

const GIVEN: Record<string, unknown> = {
  "config": "x.toml",
  "port": "8080",
  "name": 'quotes " and \\ and \x7f\n\u{1f600}',
  "alias": ["a", "b,c"],
  "id": "my-id",
  "key": "hush-hush",
  "quiet": "no",
  "rate": "2MB",
  "allow": ["1-5,9"],
};
const FLAGS: Source = {
  describe: (key) => `flag ${key}`,
  origin: (key) => `--${key}`,
  get: (key) => GIVEN[key],
};

fileTest("printConfig() writes a file that says the same, without what is secret", async () => {
  const values = resolve(OPTIONS, [FLAGS]);
  const folder = await Deno.makeTempDir();
  for (const format of CONFIG_FORMATS) {
    const text = printConfig("arpt", OPTIONS, [FLAGS], values, format);
    ok(!text.includes("hush-hush") && !text.includes("my-id"), text);
    const path = join(folder, `arpt.${format}`);
    await Deno.writeTextFile(path, text);
    const again = resolve(OPTIONS, [await configFile(path, OPTIONS)]);
    const { config: _, id: __, key: ___, allow, ...rest } = values;
    const { config, id, key, allow: allowed, ...found } = again;
    deepStrictEqual([config, id, key, `${allowed}`], [undefined, undefined, undefined, `${allow}`]);
    deepStrictEqual(found, rest, format);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("printConfig() says where each value came from, under the headings of the help", () => {
  const text = printConfig("arpt", OPTIONS, [FLAGS], resolve(OPTIONS, [FLAGS]), "toml");
  strictEqual(
    text,
    `# What arpt would run with, and where each value came from.

# Test
port = 8080 # --port
heartbeat = 0.5 # default
name = "quotes \\" and \\\\ and \\u007f\\n😀" # --name
alias = ["a", "b,c"] # --alias
# id = (not shown) # --id
# key = (not shown) # --key
mode = "a" # default
quiet = false # --quiet
rate = 2000000 # --rate
allow = ["1-5", 9] # --allow

# More
pool-size = 1 # default
`,
  );
});

fileTest("printConfig() shows the file of a secret, if that is what counts", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "hush-hush\n");
  const source = (given: Record<string, string>) =>
    withSecretFiles({ describe: (key) => key, get: (key) => given[key] }, OPTIONS);
  const print = (...sources: Source[]) =>
    printConfig("arpt", OPTIONS, sources, resolve(OPTIONS, sources), "toml").split("\n")
      .filter((line) => line.includes("key"));
  deepStrictEqual(print(source({ "key-file": path })), [
    `key-file = ${JSON.stringify(path)} # key-file`,
  ]);
  deepStrictEqual(print(source({ "key": "hushhush" }), source({ "key-file": path })), [
    "# key = (not shown) # key",
  ]);
  await Deno.remove(path);
});

Deno.test("printConfig() leaves out a URL with a password", () => {
  const options = { url: text(BASE) };
  const given: Source = { describe: () => "--url", get: () => "https://me:hush@example.com" };
  const printed = printConfig("arpt", options, [given], resolve(options, [given]), "toml");
  ok(!printed.includes("hush") && printed.includes("# url = (not shown) # --url"), printed);
});
