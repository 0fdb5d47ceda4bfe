import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { UsageError } from "@agentx/common/cli";
import { join } from "@std/path";
import { fileTest } from "../../common/testdata/gate.ts";
import { keyFile, newSigningKey, publicKey, signingKey } from "./key.ts";
import { type Fact, type Issued, Ledger, ledgerFile, readFacts } from "./ledger.ts";
import { chosen } from "./revoke.ts";
import { TokenWatch } from "./watch.ts";

const NOW = Math.floor(Date.now() / 1000);

function issued(id: string, more: Partial<Issued> = {}): Issued {
  return { id, client: "app", made: NOW, expires: NOW + 600, ...more };
}

const line = (token: Issued) => JSON.stringify({ token }) + "\n";

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
  "leaving out what has expired costs a line at most, wherever it breaks off",
  () =>
    inFolder(async (folder) => {
      const label = "x".repeat(60);
      const expires = (nth: number) => nth % 3 === 0 ? NOW - 1 : NOW + 600;
      const numbers = Array.from({ length: 600 }, (_, nth) => nth);
      const facts: Fact[] = [
        ...numbers.map((nth) => ({ token: issued(`t${nth}`, { label, expires: expires(nth) }) })),
        ...numbers.filter((nth) => nth % 2 === 0).map((nth) => ({ revoked: `t${nth}`, at: NOW })),
        ...numbers.slice(0, 60).map((nth) => ({ client: `c${nth}`, url: "http://a/" })),
      ];
      const file = ledgerFile(folder);
      await Deno.mkdir(folder);
      await Deno.writeTextFile(file, facts.map((fact) => JSON.stringify(fact) + "\n").join(""));
      const before = await Deno.readFile(file);
      {
        using ledger = await Ledger.open(folder);
        ledger.add({ token: issued("new") });
      }
      const appended = [...before, ...new TextEncoder().encode(line(issued("new")))];
      const after = await Deno.readFile(file);
      const good = (text: string) => {
        const { tokens, revoked } = readFacts(text);
        const now = [...tokens.values()].filter(({ expires }) => expires > NOW);
        return [now.length, now.filter(({ id }) => revoked.has(id)).length] as const;
      };
      const decoder = new TextDecoder();
      const [tokens, revoked] = good(decoder.decode(after));
      ok(tokens > 300 && revoked > 150);
      for (let cut = 0; cut <= after.length; cut += 997) {
        const broken = [...after.slice(0, cut), ...appended.slice(cut)];
        const left = good(decoder.decode(new Uint8Array(broken)));
        ok(left[0] >= tokens - 1 && left[1] >= revoked - 1, `${cut}: ${left}`);
      }
    }),
);

fileTest(
  "a running client reads along, for its own names and as long as it matters",
  () =>
    inFolder(async (folder) => {
      using watch = TokenWatch.open(folder, { every: 5 });
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
      throws(() => TokenWatch.open(undefined), /the home folder is not known/);
      using other = TokenWatch.open(folder, { key: "of a file" });
      deepStrictEqual([other.key, other.revoked(["app"])], ["of a file", ["a"]]);
    }),
);

fileTest(
  "a running client leaves where it is found, each under its own name",
  () =>
    inFolder(async (folder) => {
      const urls = async () => {
        using ledger = await Ledger.open(folder);
        return Object.fromEntries(ledger.read().urls);
      };
      using first = TokenWatch.open(folder, { every: 5 });
      using second = TokenWatch.open(folder, { every: 5 });
      const kept = await Promise.all([
        first.keep(new Map([["app", "https://a/"], ["alias", "https://a/x"]])),
        second.keep(new Map([["other", "https://b/"]])),
      ]);
      deepStrictEqual(kept, [true, true]);
      deepStrictEqual(await urls(), {
        app: "https://a/",
        alias: "https://a/x",
        other: "https://b/",
      });
      ok(await first.keep(new Map([["app", "https://c/"]])));
      strictEqual((await urls()).app, "https://c/");
      using third = TokenWatch.open(folder);
      const { size } = await Deno.stat(ledgerFile(folder));
      ok(await third.keep(new Map([["app", "https://c/"]])));
      strictEqual((await Deno.stat(ledgerFile(folder))).size, size, "it is written once");
    }),
);

fileTest("a key is made once, and is its owner's", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(folder);
    const path = keyFile(folder);
    const key = await signingKey(path);
    deepStrictEqual(await signingKey(path), key);
    strictEqual(publicKey(path), key.x);
    if (Deno.build.os !== "windows") strictEqual(await mode(path), 0o600);
    ok((await newSigningKey(path)).x !== key.x);
    await Deno.writeTextFile(path, '{"kty":"RSA","d":"a secret"}');
    const failure = await signingKey(path).catch(String);
    ok(typeof failure === "string" && failure.includes(path) && !failure.includes("a secret"));
    throws(() => publicKey(path), (error) => error instanceof UsageError);
    throws(() => publicKey(`${path}.none`), /cannot read .*; arpc token create .* makes one/);
  }));

fileTest(
  "the public half is enough to check, and too little to sign",
  () =>
    inFolder(async (folder) => {
      await Deno.mkdir(folder);
      const path = keyFile(folder);
      const { kty, crv, x } = await signingKey(path);
      await Deno.writeTextFile(path, JSON.stringify({ kty, crv, x }));
      strictEqual(publicKey(path), x);
      match(
        String(await signingKey(path).catch(String)),
        /expected a private key, found the public/,
      );
    }),
);

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
  strictEqual(ids("abc"), '"abc" begins 3 ids; give at least 4 characters');
  strictEqual(ids("f"), '"f" begins an id; give at least 4 characters');
  for (const none of ["fff0", "nobody", ""]) ok(ids(none).startsWith("No visitor token"), none);
});
