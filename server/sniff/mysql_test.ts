import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@agentx/common/http";
import { CAN, can } from "../mysql/capabilities.ts";
import { parseGreeting } from "../mysql/greeting.ts";
import { offer } from "../mysql/offer.ts";
import { readErr } from "../mysql/outcome.ts";
import { packet, readPacket } from "../mysql/packet.ts";
import { programOf } from "../mysql/program.ts";
import { formatResponse, parseResponse, type Response } from "../mysql/response.ts";
import { Threads } from "../mysql/threads.ts";
import { MARIADB, MARIADB_CLIENT, MYSQL2, responses } from "../mysql/testdata/packets.ts";
import type { Match, Verdict } from "./mod.ts";
import { mysqlGreeter, sniffResponse } from "./mysql.ts";

const threads = new Threads();
const offered = offer([MARIADB], 2 ** 30);
const ADDRESS = "192.0.2.1";
const sniff = (bytes: Uint8Array) => sniffResponse(bytes, { offered, threads, address: ADDRESS });
const base = parseResponse(MARIADB_CLIENT.subarray(4))!;
const answer = (changes: Partial<Response>) => packet(1, formatResponse({ ...base, ...changes }));

function matched(bytes: Uint8Array): Match {
  const verdict = sniff(bytes);
  if (verdict.kind !== "raw") throw new Error(`a match expected, got ${verdict.kind}`);
  return verdict;
}

function rejected(verdict: Verdict) {
  if (verdict.kind !== "reject") throw new Error(`a reject expected, got ${verdict.kind}`);
  strictEqual(verdict.protocol, "mysql");
  return err(verdict.reply);
}

function err(bytes: Uint8Array) {
  const found = readPacket(bytes);
  if (found === undefined || found === "too long") throw new Error("no packet");
  return { nth: found.nth, ...readErr(found.payload) };
}

Deno.test("a greeting is one packet, and its answer is understood by what it offered", () => {
  const { bytes, sniff } = mysqlGreeter().greet([MARIADB], undefined);
  const found = readPacket(bytes);
  ok(found !== undefined && found !== "too long" && found.nth === 0 && found.size === bytes.length);
  const greeting = parseGreeting(found.payload);
  strictEqual(greeting?.version, "5.5.5-10.11.19-MariaDB-0+deb12u1");
  ok(greeting.thread >= 2 ** 30, "no service has had as many connections");
  strictEqual(sniff(answer({ database: "?token=x" })).kind, "raw");
});

Deno.test("sniffResponse() finds whom a visitor wants", () => {
  const cases: [changes: Partial<Response>, to: Match["to"]][] = [
    [{ database: "shop?token=my-db" }, { token: "my-db" }],
    [{ user: "root?token=my-db" }, { token: "my-db" }],
    [{ database: "?token=client-id=my-db" }, { token: "my-db" }],
    [{}, undefined],
  ];
  for (const [changes, to] of cases) {
    const bytes = answer(changes);
    const found = matched(new Uint8Array([...bytes, 1, 2, 3]));
    deepStrictEqual([found.protocol, found.to, found.size], ["mysql", to, bytes.length]);
    const facts = { id: "db", service: "mysql", greeting: undefined, dbUser: undefined };
    strictEqual(found.head?.(facts).length, 0, "the service greets first");
  }
});

Deno.test("the command-line client that names nobody may belong to another of its logins", () => {
  const flags = (base.flags & ~CAN.connectWithDb) >>> 0;
  const bare = answer({ flags, database: "" });
  const key = programOf(base, ADDRESS);
  ok(key !== undefined);
  deepStrictEqual(matched(bare).to, { beside: key });
  deepStrictEqual(matched(answer({ database: "" })).to, { beside: key });
  deepStrictEqual(matched(answer({ flags, user: "app?token=x" })).to, { token: "x" });
  strictEqual(matched(answer({ flags, attributes: new Uint8Array(0) })).to, undefined);
  const anywhere = sniffResponse(bare, { offered, threads, address: undefined });
  ok(anywhere.kind === "raw" && anywhere.to === undefined, "a proxy has many visitors");
});

Deno.test("who wants nobody or somebody unknown is told in packet 2", () => {
  const unknown = new Refusal(404, "Client 'x' not found", "Check the token.");
  const named = err(matched(answer({ database: "?token=x" })).refuse!(unknown));
  deepStrictEqual(named, {
    nth: 2,
    number: 1045,
    sqlstate: "28000",
    message: "Client 'x' not found. Check the token.",
  });
  const nobody = err(matched(answer({})).refuse!(unknown));
  match(nobody.message!, /^No client was named\. .*"\?token=CLIENT-ID"/);
  const offline = err(matched(answer({})).refuse!(new Refusal(503, "It is offline")));
  deepStrictEqual([offline.number, offline.message], [1053, "It is offline"]);
});

Deno.test("sniffResponse() says what is wrong with an answer", () => {
  const tls = new Uint8Array(32);
  new DataView(tls.buffer).setUint32(0, CAN.protocol41 | CAN.ssl, true);
  const cases: [bytes: Uint8Array, number: number, words: RegExp, nth: number][] = [
    [packet(1, tls), 1043, /no TLS here: .*--skip-ssl/, 2],
    [packet(1, Uint8Array.of(0x85, 0x24, 0, 0, 0)), 1251, /too old/, 2],
    [packet(1, new Uint8Array(0)), 1251, /too old/, 2],
    [packet(1, MYSQL2.subarray(4, 50)), 1043, /malformed/, 2],
    [packet(0, MYSQL2.subarray(4)), 1156, /out of order/, 1],
    [packet(255, MYSQL2.subarray(4)), 1156, /out of order/, 0],
    [Uint8Array.of(255, 255, 1), 1153, /too long/, 2],
    [answer({ database: "?token=a/b" }), 1045, /not a valid client id/, 2],
    [answer({ database: "?token=a", user: "?token=b" }), 1045, /two different tokens/, 2],
  ];
  for (const [bytes, number, words, nth] of cases) {
    const found = rejected(sniff(bytes));
    deepStrictEqual([found.number, found.nth], [number, nth], found.message);
    match(found.message!, words);
  }
});

Deno.test("what was rejected is not told to the log in the visitor's words", () => {
  const verdict = sniff(answer({ user: "root?token=\x1b[31msecret/" }));
  ok(verdict.kind === "reject" && !/secret|root|[^ -~]/.test(verdict.why));
});

Deno.test("a prefix of an answer asks for more, and what follows it changes nothing", () => {
  fc.assert(fc.property(responses, fc.uint8Array({ maxLength: 9 }), (response, more) => {
    const flags = (response.flags | CAN.protocol41) >>> 0;
    const bytes = packet(1, formatResponse({ ...response, flags }));
    for (let size = 0; size < bytes.length; size += 1 + Math.floor(bytes.length / 50)) {
      strictEqual(sniff(bytes.subarray(0, size)).kind, "more", `${size} of ${bytes.length}`);
    }
    const { kind } = sniff(bytes);
    ok(kind === "raw" || kind === "reject");
    const buffer = new Uint8Array([...bytes, ...more]);
    strictEqual(sniff(buffer).kind, kind);
    // The view ends where the packet does, whatever the buffer holds behind.
    strictEqual(sniff(buffer.subarray(0, bytes.length)).kind, kind);
    strictEqual(sniff(buffer.subarray(0, bytes.length - 1)).kind, "more");
  }));
});

Deno.test("sniffResponse() throws for no bytes, changes none, and does not wait beyond a packet", () => {
  const mutated = fc.tuple(fc.constantFrom(MARIADB_CLIENT, MYSQL2), fc.nat(), fc.nat(255))
    .map(([bytes, at, to]) => bytes.with(at % bytes.length, to));
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
    const before = bytes.slice();
    const { kind } = sniff(bytes);
    deepStrictEqual(bytes, before);
    const whole = new Uint8Array(64 * 1024 + 1);
    whole.set(bytes);
    if (kind === "more" && bytes.length > 3) ok(sniff(whole).kind !== "more");
  }));
});

Deno.test("the answer of a client that names more than it was offered is cut to that", () => {
  const parsed = parseResponse(MYSQL2.subarray(4))!;
  ok(can(parsed, CAN.queryAttributes) && !can(offered, CAN.queryAttributes));
  strictEqual(sniff(MYSQL2).kind, "raw");
});
