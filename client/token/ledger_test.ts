import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { fileTest } from "../../common/testdata/gate.ts";
import { newSigningKey, signingKey } from "./key.ts";
import { type Issued, Ledger, ledgerFile, readFacts } from "./ledger.ts";
import { chosen } from "./revoke.ts";
import { TokenWatch } from "./watch.ts";

const NOW = Math.floor(Date.now() / 1000);

function issued(id: string, more: Partial<Issued> = {}): Issued {
  return { id, client: "app", made: NOW, expires: NOW + 600, ...more };
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await run(join(home, ".arp-client"));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const mode = async (path: string) => (await Deno.stat(path)).mode! & 0o777;

fileTest("the ledger keeps what was added, for its owner alone", () =>
  inFolder(async (folder) => {
    {
      using ledger = await Ledger.open(folder);
      ledger.add({ key: "first" }, { token: issued("a") });
      ledger.add({ revoked: "a", at: NOW }, { key: "second" });
    }
    using ledger = await Ledger.open(folder);
    const { key, tokens, revoked } = ledger.read();
    deepStrictEqual(
      [key, [...tokens.values()], [...revoked]],
      ["second", [issued("a")], [["a", NOW]]],
    );
    if (Deno.build.os !== "windows") {
      strictEqual(await mode(ledgerFile(folder)), 0o600);
      strictEqual(await mode(folder), 0o700);
    }
  }));

fileTest(
  "a line that broke off costs that line, and those of a later release nothing",
  () =>
    inFolder(async (folder) => {
      await Deno.mkdir(folder);
      await Deno.writeTextFile(
        ledgerFile(folder),
        '{"key":"k"}\n[1]\n7\n{"later":1}\n{"token":{"id',
      );
      using ledger = await Ledger.open(folder);
      ledger.add({ token: issued("b") });
      const { key, tokens } = ledger.read();
      deepStrictEqual([key, [...tokens.keys()]], ["k", ["b"]]);
    }),
);

fileTest("twenty at once lose nothing", () =>
  inFolder(async (folder) => {
    await Promise.all(Array.from({ length: 20 }, async (_, nth) => {
      using ledger = await Ledger.open(folder);
      ledger.add({ token: issued(`${nth}`) });
    }));
    using ledger = await Ledger.open(folder);
    strictEqual(ledger.read().tokens.size, 20);
  }));

fileTest(
  "what has expired is left out once the ledger has grown",
  () =>
    inFolder(async (folder) => {
      using ledger = await Ledger.open(folder);
      const label = "x".repeat(60);
      const old = Array.from(
        { length: 600 },
        (_, nth) => issued(`old${nth}`, { label, expires: NOW - 1 }),
      );
      ledger.add(...old.map((token) => ({ token })), { key: "k" });
      ledger.add({ token: issued("good") }, { token: issued("gone") }, {
        revoked: "gone",
        at: NOW,
      });
      ledger.add({ token: issued("last") });
      const { size } = await Deno.stat(ledgerFile(folder));
      ok(size < 1000, `${size}`);
      const { key, tokens, revoked } = ledger.read();
      deepStrictEqual(
        [key, [...tokens.keys()], [...revoked.keys()]],
        ["k", ["good", "gone", "last"], ["gone"]],
      );
    }),
);

fileTest(
  "a running client reads along, for its own names and as long as it matters",
  () =>
    inFolder(async (folder) => {
      using watch = TokenWatch.open(folder, 5);
      ok(watch !== undefined);
      strictEqual(watch.key, undefined);
      const changed = new Promise((resolve) =>
        watch.changes.addEventListener("change", resolve, { once: true })
      );
      {
        using ledger = await Ledger.open(folder);
        ledger.add(
          { key: "k" },
          ...["a", "b"].map((id) => ({ token: issued(id) })),
          { token: issued("other", { client: "other" }) },
          { token: issued("alias", { client: "alias" }) },
          { token: issued("old", { expires: NOW - 1 }) },
          ...["a", "other", "alias", "old"].map((id) => ({ revoked: id, at: NOW })),
        );
      }
      await changed;
      strictEqual(watch.key, "k");
      deepStrictEqual(watch.revoked(["app", "alias"]), ["alias", "a"]);
      strictEqual(TokenWatch.open(undefined), undefined);
    }),
);

fileTest("a key is made once, and is its owner's", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(folder);
    const key = await signingKey(folder);
    deepStrictEqual(await signingKey(folder), key);
    const path = join(folder, "visitor-key.json");
    if (Deno.build.os !== "windows") strictEqual(await mode(path), 0o600);
    ok((await newSigningKey(folder)).x !== key.x);
    await Deno.writeTextFile(path, '{"kty":"RSA","d":"a secret"}');
    const failure = await signingKey(folder).catch(String);
    ok(typeof failure === "string" && failure.includes(path) && !failure.includes("a secret"));
  }));

Deno.test("chosen() goes by id, label and the start of an id", () => {
  const tokens = [
    issued("abcd1"),
    issued("abcd2", { label: "bob" }),
    issued("abce3", { label: "bob" }),
    issued("ffff4", { label: "abcd1" }),
    issued("0000e", { expires: NOW - 1, label: "old" }),
  ];
  const facts = {
    ...readFacts(""),
    tokens: new Map(tokens.map((token) => [token.id, token])),
    revoked: new Map([["abce3", NOW]]),
  };
  const ids = (name: string) => {
    try {
      return chosen(facts, name, NOW).map(({ id }) => id).join(" ");
    } catch (error) {
      return (error as Error).message;
    }
  };
  strictEqual(ids("all"), "abcd1 abcd2 ffff4");
  strictEqual(ids("bob"), "abcd2");
  strictEqual(ids("abcd1"), "abcd1", "an id before a label");
  strictEqual(ids("ffff"), "ffff4");
  strictEqual(ids("old"), "");
  strictEqual(ids("abcd"), '"abcd" begins 2 ids; give more of it');
  for (const none of ["fff", "nobody", ""]) ok(ids(none).startsWith("No visitor token"), none);
});
