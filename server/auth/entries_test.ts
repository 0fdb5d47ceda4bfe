import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { UsageError } from "@agentx/common/cli";
import { fileTest } from "../../common/testdata/gate.ts";
import { type Entry, parseEntries, readEntries } from "./entries.ts";

const HASH =
  "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
const OTHER = HASH.replace("aM15713r3", "bM15713r3");

const TOML = `
[[clients]]
id = "alice"
hash = "${HASH}"
aliases = ["shop", "shop-*"]
ports = "20000-20010"
comment = "Alice's laptop"

[[clients]]
id = "team-*"
hash = ["${HASH}", "${OTHER}"]
disabled = true
expires = 2030-01-31T12:00:00Z

[[clients]]
id = "*"
hash = "${HASH}"
ports = [443, "20000-20001"]
`;

/** An entry without what is only to be computed with. */
function plain({ hashes, ports, line: _, ...rest }: Entry) {
  return { ...rest, hashes: hashes.map(({ text }) => text), ports: ports && `${ports}` };
}

Deno.test("parseEntries() reads TOML", async () => {
  const { all } = await parseEntries("auth.toml", TOML);
  deepStrictEqual(all.map(plain), [
    {
      id: "alice",
      hashes: [HASH],
      aliases: ["shop", "shop-*"],
      ports: "20000-20010",
      comment: "Alice's laptop",
      disabled: false,
      expires: Infinity,
      nth: 1,
    },
    {
      id: "team-*",
      hashes: [HASH, OTHER],
      aliases: ["team-*"],
      ports: undefined,
      comment: undefined,
      disabled: true,
      expires: Date.UTC(2030, 0, 31, 12),
      nth: 2,
    },
    {
      id: "*",
      hashes: [HASH],
      aliases: ["*"],
      ports: "443,20000-20001",
      comment: undefined,
      disabled: false,
      expires: Infinity,
      nth: 3,
    },
  ]);
});

Deno.test("parseEntries() reads JSON with comments", async () => {
  const text = `{ // who
    "clients": [{ "id": "a", "hash": "${HASH}", "expires": "2030-01-31" },],
  }`;
  const { all } = await parseEntries("auth.jsonc", text);
  strictEqual(all.length, 1);
  strictEqual(all[0]!.expires, new Date(2030, 0, 31).getTime());
  const toml = await parseEntries(
    "a.toml",
    `[[clients]]\nid="a"\nhash="${HASH}"\nexpires=2030-01-31`,
  );
  strictEqual(toml.all[0]!.expires, all[0]!.expires);
  // A name that does not tell is no obstacle.
  for (const content of [text, `[[clients]]\nid="a"\nhash="${HASH}"`]) {
    strictEqual((await parseEntries("/etc/arp/clients", content)).all[0]!.id, "a");
  }
});

Deno.test("find() prefers the very name, then the first pattern", async () => {
  const entries = await parseEntries("auth.toml", TOML);
  const nth = (name: string) => entries.find(name)?.nth;
  deepStrictEqual(["alice", "team-a", "team-", "alice2"].map(nth), [1, 2, 2, 3]);
  const few = await parseEntries("auth.toml", TOML.slice(0, TOML.lastIndexOf("[[clients]]")));
  strictEqual(few.find("bob"), undefined);
});

Deno.test("mayUse() allows names and patterns, but not what another entry speaks for", async () => {
  const text = (aliases: string) =>
    `clients = [
      { id = "a-*", hash = "${HASH}" ${aliases} },
      { id = "a-own", hash = "${OTHER}" },
      { id = "b-*", hash = "${OTHER}" },
    ]`;
  const plain = await parseEntries("auth.toml", text(""));
  const may = (entries: typeof plain, alias: string) => entries.mayUse(entries.all[0]!, alias);
  // Without a list: what it could register as anyway.
  strictEqual(may(plain, "a-1"), true);
  strictEqual(may(plain, "a-own"), false);
  strictEqual(may(plain, "c"), false);
  const listed = await parseEntries("auth.toml", text(`, aliases = ["*", "b-1"]`));
  strictEqual(may(listed, "c"), true);
  strictEqual(may(listed, "a-own"), false);
  strictEqual(may(listed, "b-2"), false);
  strictEqual(may(listed, "b-1"), true, "named in full");
  const none = await parseEntries("auth.toml", text(`, aliases = []`));
  strictEqual(may(none, "a-1"), false);
});

Deno.test("mistakes are told with the file, the client and the key, and never with a value", async () => {
  const secret = "my-plain-token-in-place-of-its-hash";
  const client = (more: string) => `[[clients]]\nid = "secret-id"\nhash = "${HASH}"\n${more}`;
  const list = 'expected a list of clients, [[clients]] in TOML or "clients": [ ] in JSON';
  const cases: [string, string][] = [
    ["", list],
    ["clients = 3", list],
    [`token = "${secret}"`, list],
    ["clients = [3]", "client 1: expected a client with id, hash, aliases"],
    [`[[clients]]\nhash = "${HASH}"`, "client 1: id: expected a client id or a pattern such as"],
    [`[[clients]]\nid = "a"`, 'client 1: hash: expected a hash as "arps auth hash" prints it'],
    [`[[clients]]\nid = "a"\nhash = "${secret}"`, "client 1: hash: expected a hash as"],
    [`[[clients]]\nid = "a"\nhash = ["${HASH}", "${secret}"]`, "client 1: hash: expected a hash"],
    [`[[clients]]\nid = "a b"\nhash = "${HASH}"`, "client 1: id: expected a client id"],
    [client('aliases = "x"'), "client 1: aliases: expected a list of names"],
    [client('aliases = ["x y"]'), "client 1: aliases: expected a list of names"],
    [client('ports = "99999"'), "client 1: ports: expected ports such as"],
    [client('ports = "web"'), "client 1: ports: expected ports such as"],
    [client("disabled = 1"), "client 1: disabled: expected true or false"],
    [client('expires = "soon"'), "client 1: expires: expected a date or a time with its zone"],
    [client('expires = "2030-01-31T12:00:00"'), "client 1: expires: expected a date or a time"],
    [client("expires = 12:00:00"), "client 1: expires: expected a date or a time with its zone"],
    [client(`token = "${secret}"`), 'client 1: "token" is no key of it; known: id, hash, aliases'],
    [client("") + client(""), "auth.toml:5:1: client 2: id: client 1, in line 1, has the same"],
    ["[[clients]", "not well-formed TOML"],
  ];
  for (const [text, expected] of cases) {
    await rejects(parseEntries("auth.toml", text), (error) => {
      ok(error instanceof UsageError, String(error));
      ok(error.message.startsWith("auth.toml"), error.message);
      ok(error.message.includes(expected), `${error.message}\nlacks: ${expected}`);
      ok(!/secret-id|my-plain|nFNh2/.test(error.message), error.message);
      return true;
    });
  }
});

Deno.test("a mistake is told where it stands, in TOML and JSON, and those of a file in order", async () => {
  const at = async (name: string, text: string) => {
    try {
      await parseEntries(name, text);
    } catch (error) {
      return String((error as Error).message).split("\n").map((line) => line.split(" client ")[0]);
    }
  };
  const toml = `# two clients
[[clients]]
id = "a"
hash = "${HASH}"
expires = "soon"
aliases = [
  "fine",
  "not fine",
]

[[clients]]
id = "b"
`;
  deepStrictEqual(await at("auth.toml", toml), [
    "auth.toml:5:1:",
    "auth.toml:8:3:",
    "auth.toml:11:1:",
  ]);
  const inline = `clients = [\n  { id = "a b", hash = "${HASH}" },\n  { id = "b", token = 1 },\n]`;
  deepStrictEqual(await at("auth.toml", inline), [
    "auth.toml:2:5:",
    "auth.toml:3:3:",
    "auth.toml:3:15:",
  ]);
  const json = `{
  "clients": [
    { "id": "a", "hash": "${HASH}",
      "disabled": 1 },
    // and
    { "id": "a" }
  ]
}`;
  deepStrictEqual(await at("auth.jsonc", json), ["auth.jsonc:4:7:", "auth.jsonc:6:5:"]);
  const { all } = await parseEntries("auth", TOML);
  deepStrictEqual(all.map(({ line }) => line), [2, 9, 15]);
});

Deno.test("all mistakes are told at once, but no flood of them", async () => {
  const text = Array.from({ length: 30 }, () => `[[clients]]\nid = "a"\nhash = "x"`).join("\n");
  await rejects(parseEntries("auth.toml", text), (error) => {
    const lines = String((error as Error).message).split("\n");
    deepStrictEqual([lines.length, lines.at(-1)], [11, "and 20 more"]);
    return true;
  });
});

Deno.test("a file of thousands is read, and looked up, in no time", async () => {
  const text = Array.from(
    { length: 3000 },
    (_, at) => `[[clients]]\nid = "c${at}${at % 3 === 0 ? "-*" : ""}"\nhash = "${HASH}"\n`,
  ).join("");
  const entries = await parseEntries("auth.toml", text);
  const start = performance.now();
  for (let at = 0; at < 100; at++) entries.find("x".repeat(128));
  ok(performance.now() - start < 1000);
  strictEqual(entries.all.length, 3000);
});

fileTest("readEntries() tells a file that cannot be read, or is no such file", async () => {
  await rejects(readEntries("/nowhere/auth.toml"), (error) => {
    ok(error instanceof UsageError);
    ok(error.message.startsWith("Cannot read --auth-file /nowhere/auth.toml: "), error.message);
    return true;
  });
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/auth.toml`;
    using file = await Deno.open(path, { create: true, write: true });
    await file.truncate(17 * 2 ** 20);
    await rejects(readEntries(path), /expected at most \d+ bytes, found \d+/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
