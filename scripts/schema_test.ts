/**
 * The JSON Schemas that editors have, against the programs that read the files.
 *
 * @module
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { configFile, type Options, resolve, UsageError } from "@agentx/common/cli";
import { Ajv } from "ajv";
import fc from "fast-check";
import { dirname, join } from "@std/path";
import { clientConfig } from "../client/config.ts";
import { OPTIONS as CLIENT } from "../client/options.ts";
import { FAMILY as CLIENT_FAMILY } from "../client/program.ts";
import { serverConfig } from "../server/config.ts";
import { OPTIONS as SERVER } from "../server/options.ts";
import { FAMILY as SERVER_FAMILY } from "../server/program.ts";
import { peerTest } from "../tests/peers.ts";
import { OPTIONS_PAGE, page, schemas } from "./schema.ts";

const ROOT = dirname(import.meta.dirname ?? ".");
const files = [{ name: "read" }, { name: "write" }] as const;
const TABLES: Record<string, Options> = { arps: SERVER, arpc: CLIENT };

const VERDICTS = new Map<string, (value: unknown) => boolean>();

/** Whether an editor would take a file without a mark. */
function editor(program: string): (value: unknown) => boolean {
  const schema = schemas().get(`schemas/${program}.schema.json`);
  const verdict = VERDICTS.get(program) ?? new Ajv({ strict: true }).compile(schema!);
  VERDICTS.set(program, verdict);
  return verdict;
}

/** Whether a program would start with it. */
async function starts(program: string, value: unknown): Promise<boolean> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, JSON.stringify(value));
    resolve(TABLES[program]!, [await configFile(path, TABLES[program]!)]);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  } finally {
    await Deno.remove(path);
  }
}

peerTest({ name: "the schemas are those of the options", permissions: files }, async (t) => {
  for (const [path, schema] of schemas()) {
    await t.step(path, async () => {
      const found = JSON.parse(await Deno.readTextFile(join(ROOT, path)));
      deepStrictEqual(found, JSON.parse(JSON.stringify(schema)), "run `deno task schema`");
    });
  }
});

peerTest({ name: "the page of options is that of the options", permissions: files }, async () => {
  strictEqual(await Deno.readTextFile(join(ROOT, OPTIONS_PAGE)), page(), "run `deno task schema`");
});

Deno.test("the page of options has each of each program, and its default", () => {
  const sections = new Map(
    page().split(/^## /m).slice(1).map((text) => [text.slice(0, text.indexOf("\n")), text]),
  );
  const running = sections.get("Running")!;
  for (const { about, options, words } of [SERVER_FAMILY, CLIENT_FAMILY]) {
    for (const program of [{ about, options }, ...words]) {
      const own = sections.get(program.about.name)!;
      for (const [key, { default: fallback }] of Object.entries(program.options)) {
        const row = (own + running).split("\n").find((line) =>
          new RegExp(`^\\| \`--(?:\\[no-\\])?${key}\``).test(line)
        );
        ok(row !== undefined, `${program.about.name} --${key}`);
        if (typeof fallback === "number") ok(row.includes(String(fallback)), row);
      }
    }
  }
});

Deno.test("editors hear of every option, and of none that is no key", () => {
  for (const [program, options] of Object.entries(TABLES)) {
    const schema = schemas().get(`schemas/${program}.schema.json`) as {
      properties: Record<string, { description: string; default?: unknown }>;
    };
    for (const [key, { once, about, default: fallback }] of Object.entries(options)) {
      const property = schema.properties[key];
      strictEqual(property === undefined, once === true, key);
      if (property === undefined) continue;
      ok(property.description.includes(about), key);
      strictEqual(property.default === undefined, fallback === undefined, key);
    }
  }
});

const GOOD: [string, unknown][] = [
  ["arps", {}],
  ["arps", { "$schema": "../schemas/arps.schema.json", "public-port": 8080 }],
  ["arps", { "allow-ports": ["20000-20100", 443], "trusted-proxies": ["::1"] }],
  ["arps", { "allow-ports": 443, "rate-limit": "10MB" }],
  ["arps", { "rate-limit": 1000, "heartbeat": 0.5, "on-duplicate": "reject" }],
  ["arpc", { "local-port": 3000, "client-id": "my-app", "alias": ["a", "b"] }],
  ["arpc", { "tls": true, "tls-fingerprint": "00".repeat(32), "alias": "a, b" }],
  ["arpc", { "tls": true, "tls-fingerprint": ["00".repeat(32), `sha256//${"A".repeat(43)}=`] }],
  ["arpc", { "server-addr": "2001:db8::1" }],
  ["arpc", { "command-mode": true, "auto-reconnect": false, "log-level": "debug" }],
];
const BAD: [string, unknown][] = [
  ["arps", { "publik-port": 8080 }],
  ["arps", { "public-port": 65536 }],
  ["arps", { "public-port": "http" }],
  ["arps", { "public-port": 1.5 }],
  ["arps", { "trusted-proxies": ["proxy.example.com"] }],
  ["arps", { "rate-limit": "10 parsecs" }],
  ["arps", { "rate-limit": -1 }],
  ["arps", { "on-duplicate": "both" }],
  ["arps", { "heartbeat": 0 }],
  ["arps", { "tls-public": "maybe" }],
  ["arps", { "auth-token": "short" }],
  ["arps", { "max-head": 1 }],
  ["arps", { "max-head": 65_537 }],
  ["arps", { "bind": "" }],
  ["arps", { "bind": null }],
  ["arps", { "allow-ports": ["a-b"] }],
  ["arps", { "config": "other.toml" }],
  ["arps", { "print-permissions": true }],
  ["arps", []],
  ["arpc", { "client-id": "my app" }],
  ["arpc", { "server-addr": "localhost:7000" }],
  ["arpc", { "server-addr": "[::1]:7000" }],
  ["arpc", { "tls-fingerprint": "00".repeat(31) }],
  ["arpc", { "tls-fingerprint": ["00".repeat(32), "sha256//AAAA"] }],
  ["arpc", { "alias": "a", "log-level": "loud" }],
  ["arpc", { "alias": ["ok", "not ok"] }],
];

peerTest(
  { name: "a file is good for an editor if it is for the program", permissions: files },
  async () => {
    for (const [program, value] of GOOD) {
      ok(editor(program)(value), `editor: ${JSON.stringify(value)}`);
      ok(await starts(program, value), `program: ${JSON.stringify(value)}`);
    }
    for (const [program, value] of BAD) {
      ok(!editor(program)(value), `editor: ${JSON.stringify(value)}`);
      ok(!await starts(program, value), `program: ${JSON.stringify(value)}`);
    }
  },
);

Deno.test("what an editor takes, a program takes, whatever it is", () => {
  const given = fc.oneof(
    fc.integer({ min: -2, max: 70_000 }),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.string(),
    fc.constantFrom("10MB", "::1", "info", "1-2", null, "example.com"),
    fc.array(fc.oneof(fc.string(), fc.integer())),
  );
  for (const [program, options] of Object.entries(TABLES)) {
    const fits = editor(program);
    // What a codec makes of text can be more than its pattern says: a port of 99999.
    const plain = Object.keys(options).filter((key) =>
      !options[key]!.once && options[key]!.schema().type !== "pipe"
    );
    fc.assert(
      fc.property(fc.constantFrom(...plain), given, (key, value) => {
        if (!fits({ [key]: value })) return;
        resolve({ [key]: options[key]! }, [{ describe: () => key, get: () => value }]);
      }),
      { numRuns: 2000 },
    );
  }
});

const EXAMPLES = {
  arps: (values: never) => void serverConfig(values),
  arpc: (values: never) => void clientConfig(values, () => "made-up"),
};

for (const [program, use] of Object.entries(EXAMPLES)) {
  const name = `deploy/${program}.toml is a good file, and so it is with every example in it`;
  peerTest({ name, permissions: files }, async () => {
    const text = await Deno.readTextFile(join(ROOT, `deploy/${program}.toml`));
    // Two of the examples exclude each other, and a file is not there.
    const all = text.replaceAll(/^#(?=[a-z-]+ = )/gm, "").replaceAll(
      /^(?:remote-port|tls-ca) = .*$/gm,
      "",
    );
    ok(all.length < text.length, "no example");
    for (const toml of [text, all]) {
      const path = await Deno.makeTempFile({ suffix: ".toml" });
      await Deno.writeTextFile(
        path,
        toml.replaceAll(/^((?!visitor-)[a-z-]+(?:key|token))-file = .*$/gm, `$1 = "not-read-here"`),
      );
      const source = await configFile(path, TABLES[program]!);
      await Deno.remove(path);
      const fits = editor(program);
      const given = Object.keys(TABLES[program]!)
        .map((key) => [key, source.get(key)] as const).filter(([, value]) => value !== undefined);
      ok(fits(Object.fromEntries(given)));
      use(resolve(TABLES[program]!, [source]) as never);
    }
  });
}
