import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join, resolve as absolute } from "@std/path";
import { secretFile, text } from "./options.ts";
import { resolve, type Source } from "./resolve.ts";
import { secretFiles, withSecretFiles } from "./secrets.ts";
import { UsageError } from "./usage.ts";
import { fileTest } from "../testdata/gate.ts";

const BASE = { about: "for a test", group: "Test" };
const OPTIONS = {
  "key": { ...text({ ...BASE, pattern: /^[a-z]{8,}$/, expects: "small letters" }), secret: true },
  "key-file": secretFile("key", "Test"),
};

async function inFolder(run: (path: (name: string) => string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries({ good: "abcdefgh\n", bad: "S3CRET\n", empty: "" })) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    await Deno.writeFile(join(folder, "huge"), new Uint8Array(70_000));
    run((name) => join(folder, name));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function values(...sources: Record<string, string>[]) {
  return resolve(
    OPTIONS,
    sources.map((values, rank): Source => ({
      describe: (key) => `${rank} ${key}`,
      get: (key) => values[key],
    })).map((source) => withSecretFiles(source, OPTIONS)),
  );
}

function refuses(message: RegExp, ...sources: Record<string, string>[]): void {
  throws(() => values(...sources), (error) => {
    ok(error instanceof UsageError, String(error));
    match(error.message, message);
    ok(!error.message.includes("S3CRET"));
    return true;
  });
}

fileTest("a secret is read from the file that was named, without the end of its line", async () => {
  await inFolder((path) => {
    const found = values({ "key-file": path("good") });
    strictEqual(found.key, "abcdefgh");
    deepStrictEqual(secretFiles(OPTIONS, found), [absolute(path("good"))]);
    deepStrictEqual(secretFiles(OPTIONS, values({})), []);
  });
});

fileTest(
  "a file goes over the secret of a weaker source, and not over that of a stronger",
  async () => {
    await inFolder((path) => {
      strictEqual(values({ "key-file": path("good") }, { key: "weaker-one" }).key, "abcdefgh");
      strictEqual(values({ key: "strongest" }, { "key-file": path("none") }).key, "strongest");
    });
  },
);

fileTest("a file that is no good is named, and never shown", async () => {
  await inFolder((path) => {
    refuses(/^0 key-file: cannot read .*none: No such file/, { "key-file": path("none") });
    refuses(/^0 key-file .*bad: expected small letters, found something/, {
      "key-file": path("bad"),
    });
    refuses(/^0 key-file .*empty: expected small letters/, { "key-file": path("empty") });
    refuses(/^0 key-file: cannot read .*huge: it is longer than 65536 bytes$/, {
      "key-file": path("huge"),
    });
    refuses(/^0 key and 0 key-file: expected one of the two, found both$/, {
      "key": "abcdefgh",
      "key-file": path("good"),
    });
  });
});
