import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@agentx/common/http";
import {
  bytesOf,
  cancelRequest,
  GSSENC_REQUEST,
  packet,
  readError,
  SSL_REQUEST,
  startup,
} from "../postgres/testdata/packets.ts";
import type { Match, ServiceFacts } from "./mod.ts";
import { sniffPostgres } from "./postgres.ts";

const FACTS: ServiceFacts = {
  id: "db",
  service: undefined,
  greeting: undefined,
  dbUser: undefined,
};
const V2 = 2 << 16;
const V3 = 3 << 16;

function matched(bytes: Uint8Array): Match {
  const verdict = sniffPostgres(bytes);
  if (verdict.kind !== "raw") throw new Error(`a match expected, got ${verdict.kind}`);
  return verdict;
}

/** The startup packet that the service gets. */
function sentOn(parameters: [string, string][], dbUser?: string): Uint8Array {
  return matched(startup(parameters)).head!({ ...FACTS, dbUser });
}

/** The error that a visitor gets at once. */
function rejected(bytes: Uint8Array): Record<string, string> {
  const verdict = sniffPostgres(bytes);
  if (verdict.kind !== "reject") throw new Error(`a reject expected, got ${verdict.kind}`);
  return readError(verdict.reply);
}

Deno.test("sniffPostgres() answers N to those who ask for encryption", () => {
  for (const request of [SSL_REQUEST, GSSENC_REQUEST]) {
    const verdict = sniffPostgres(bytesOf(request, startup([["user", "a"]])));
    deepStrictEqual(verdict, { kind: "reply", reply: bytesOf("N"), size: 8 });
  }
});

Deno.test("sniffPostgres() finds the token and sends the packet on without it", () => {
  const match = matched(
    startup([
      ["user", "alice?token=my-app"],
      ["database", "mydb"],
      ["application_name", "psql"],
    ], 2),
  );
  deepStrictEqual([match.protocol, match.to], ["postgres", { token: "my-app" }]);
  deepStrictEqual(
    match.head!(FACTS),
    startup([["user", "alice"], ["database", "mydb"], ["application_name", "psql"]], 2),
  );
  // As `psql` without -d writes it: the database is named like the user.
  const both = matched(startup([["user", "a?token=x"], ["database", "a?token=x"]]));
  deepStrictEqual(both.to, { token: "x" });
});

Deno.test("sniffPostgres() gives a user to those who name none", () => {
  const rest: [string, string] = ["application_name", "psql"];
  deepStrictEqual(
    sentOn([["database", "?token=x"], rest, ["user", "?token=x"]]),
    startup([rest, ["user", "postgres"]]),
  );
  deepStrictEqual(sentOn([["user", ""]], "zoë"), startup([["user", "zoë"]]));
  deepStrictEqual(sentOn([rest], "app"), startup([["user", "app"], rest]));
  deepStrictEqual(sentOn([["user", "alice"], rest], "app"), startup([["user", "alice"], rest]));
});

Deno.test("sniffPostgres() leaves it to the default client when there is no token", () => {
  const match = matched(startup([["user", "alice"], ["database", "mydb"]]));
  strictEqual(match.to, undefined);
  const { C, M } = readError(match.refuse!(new Refusal(404, "Client Token not found", "URL")));
  strictEqual(C, "28000");
  strictEqual(
    M,
    "No client token. Add ?token=CLIENT-ID to the user name, or set PGOPTIONS=token=CLIENT-ID.",
  );
  strictEqual(readError(match.refuse!(new Refusal(503, "Offline"))).M, "Offline");
  const named = matched(startup([["options", "token=x"]]));
  strictEqual(
    readError(named.refuse!(new Refusal(404, "Client 'x' not found"))).M,
    "Client 'x' not found",
  );
});

Deno.test("sniffPostgres() rejects tokens that cannot be, and quotes none", () => {
  for (const token of ["", "a b", "a/b", "\x1b[31m", "a".repeat(129), "ü"]) {
    const { C, M = "" } = rejected(startup([["user", `alice?token=${token}`]]));
    strictEqual(C, "28000");
    ok(M.startsWith("The client token is not valid: use 1 to 128 of "), M);
  }
  const { C, M } = rejected(startup([["user", "?token=secret-a"], ["options", "token=secret-b"]]));
  strictEqual(C, "28000");
  strictEqual(
    M,
    "There are different client tokens: name one client, in the user, the database or the options",
  );
});

Deno.test("sniffPostgres() leads a cancel request to its session", () => {
  const key = bytesOf(4711, 0x01020304);
  const request = cancelRequest(key);
  deepStrictEqual(sniffPostgres(bytesOf(request, "more")), {
    kind: "raw",
    protocol: "postgres",
    to: { session: "postgres:0000126701020304" },
    size: 16,
  });
  const longest = matched(cancelRequest(new Uint8Array(260).fill(7)));
  strictEqual(longest.size, 268);
  for (const size of [0, 7, 261]) {
    strictEqual(sniffPostgres(cancelRequest(new Uint8Array(size))).kind, "no", `${size} bytes`);
  }
});

Deno.test("sniffPostgres() finds the session that a cancel request will name", () => {
  const key = bytesOf(1, 2);
  const watch = matched(startup([["user", "a"]])).watch!();
  strictEqual(watch.see(bytesOf("K", packet(key))), false);
  deepStrictEqual(matched(cancelRequest(key)).to, { session: watch.session });
});

Deno.test("sniffPostgres() rejects what is PostgreSQL, but wrong", () => {
  strictEqual(rejected(packet(V2, new Uint8Array(288))).C, "0A000");
  // An answer does not wait for bytes that it would not look at.
  strictEqual(rejected(bytesOf(296, V2)).C, "0A000");
  const wrong: Record<string, Uint8Array> = {
    "without its end": packet(V3, "user\0a\0"),
    "an odd name": packet(V3, "user\0a\0odd\0\0"),
    "too long": bytesOf(10_001, V3),
    "no parameters at all": bytesOf(8, V3),
  };
  for (const [what, bytes] of Object.entries(wrong)) strictEqual(rejected(bytes).C, "08P01", what);
});

Deno.test("sniffPostgres() takes a packet of 10,000 bytes", () => {
  const size = 10_000 - startup([["user", ""]]).length;
  const bytes = startup([["user", "a".repeat(size)]]);
  strictEqual(bytes.length, 10_000);
  deepStrictEqual(matched(bytes).head!(FACTS), bytes);
});

Deno.test("sniffPostgres() says no to others as soon as it can", () => {
  const others: [what: string, hex: string][] = [
    ["TLS", "16"],
    ["a MySQL client", "2000"],
    ["DNS over TCP", "001d"],
    ["SMB over TCP", "00000054fe"],
    ["a text behind zeros", "0000000048"],
    ["version 4", "0000001000040000"],
    ["version 1", "00000010000100"],
    ["an unknown request", "0000000804d21631"],
    ["an SSLRequest with a body", "0000000904d2162f"],
    ["a length below its own", "0000000700030000"],
  ];
  for (const [what, hex] of others) {
    strictEqual(sniffPostgres(Uint8Array.fromHex(hex)).kind, "no", what);
  }
});

/** Everything that a PostgreSQL visitor may begin with. */
const text = fc.string({ unit: fc.constantFrom(..."ab ?=\\"), maxLength: 30 });
const valid = fc.oneof(
  fc.constantFrom(SSL_REQUEST, GSSENC_REQUEST),
  fc.uint8Array({ minLength: 8, maxLength: 260 }).map(cancelRequest),
  fc.tuple(
    fc.array(fc.tuple(fc.constantFrom("user", "database", "options", "x"), text)),
    fc.nat(0xffff),
  ).map(([parameters, minor]) => startup(parameters, minor)),
);
const mutated = fc.tuple(valid, fc.array(fc.tuple(fc.nat(60), fc.nat(255))), fc.uint8Array())
  .map(([bytes, changes, rest]) => {
    const changed = bytesOf(bytes, rest);
    for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte;
    return changed;
  });

/** A verdict without its functions, but with what they make of it. */
function plain(bytes: Uint8Array) {
  const verdict = sniffPostgres(bytes);
  if (verdict.kind !== "raw") return verdict;
  const { kind, protocol, to, size, head } = verdict;
  return { kind, protocol, to, size, head: head?.(FACTS) };
}

Deno.test("a prefix is never a no, whatever follows changes nothing", () => {
  fc.assert(fc.property(valid, fc.uint8Array(), (bytes, rest) => {
    for (let size = 0; size < bytes.length; size++) {
      strictEqual(sniffPostgres(bytes.subarray(0, size)).kind, "more", `${size} bytes`);
    }
    ok(["reply", "raw", "reject"].includes(sniffPostgres(bytes).kind));
    deepStrictEqual(plain(bytesOf(bytes, rest)), plain(bytes));
  }));
});

Deno.test("a verdict stays as it is once there is one, and no bytes make it throw", () => {
  fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array()), (bytes) => {
    const sizes = Array.from({ length: bytes.length + 1 }, (_, size) => size);
    const settled = sizes.find((size) => sniffPostgres(bytes.subarray(0, size)).kind !== "more");
    if (settled === undefined) return;
    const verdict = plain(bytes.subarray(0, settled));
    for (const size of sizes.slice(settled)) {
      deepStrictEqual(plain(bytes.subarray(0, size)), verdict);
    }
  }));
});

Deno.test("sniffPostgres() looks at nothing outside of its view, and changes nothing", () => {
  fc.assert(fc.property(mutated, fc.uint8Array(), fc.uint8Array(), (bytes, before, after) => {
    const whole = bytesOf(before, bytes, after);
    const copy = whole.slice();
    const view = whole.subarray(before.length, before.length + bytes.length);
    deepStrictEqual(plain(view), plain(bytes));
    deepStrictEqual(whole, copy);
  }));
});

Deno.test("a match does not change with the buffer it came from", () => {
  const bytes = startup([["user", "alice?token=x"]]);
  const match = matched(bytes);
  bytes.fill(0);
  deepStrictEqual(match.head!(FACTS), startup([["user", "alice"]]));
});
