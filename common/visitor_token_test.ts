import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { CLIENT_ID } from "./commands.ts";
import {
  audienceOf,
  isVisitorToken,
  keyIdOf,
  mayBeVisitorToken,
  parseClaims,
  pathSegments,
  readVisitorToken,
} from "./visitor_token.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });

function jwt(header: unknown, payload: unknown, signature = "s".repeat(86)): string {
  return `${encode(header)}.${encode(payload)}.${signature}`;
}

const HEADER = { alg: "EdDSA", typ: "arp+jwt", kid: "12345678" };
const CLAIMS = { aud: "a".repeat(22), jti: "j", iat: 1, exp: 2 };

Deno.test("readVisitorToken() tells what a token says of itself", () => {
  deepStrictEqual(readVisitorToken(jwt(HEADER, CLAIMS)), { kid: "12345678", aud: CLAIMS.aud });
  deepStrictEqual(readVisitorToken(jwt({ ...HEADER, kid: 7 }, { ...CLAIMS, aud: [] })), {
    kid: undefined,
    aud: undefined,
  });
});

Deno.test("another JWT, and what is none, is no visitor token", () => {
  const long = { ...CLAIMS, filler: "f".repeat(100) };
  const others = [
    jwt({ alg: "EdDSA", typ: "JWT" }, long),
    jwt({ alg: "EdDSA" }, long),
    jwt(["arp+jwt"], long),
    jwt(null, long),
    jwt(HEADER, { ...CLAIMS, filler: "f".repeat(4000) }),
    jwt(HEADER, CLAIMS) + ".x",
    jwt(HEADER, CLAIMS).replaceAll(".", ","),
    jwt(HEADER, CLAIMS) + "~mark",
    "eyJ" + "x".repeat(200),
    "eyJ" + "!".repeat(200),
    "",
  ];
  for (const other of others) ok(!isVisitorToken(other), other.slice(0, 60));
});

Deno.test("no client id is taken for a visitor token, and no such token for an id", () => {
  fc.assert(fc.property(fc.stringMatching(CLIENT_ID), (id) => !mayBeVisitorToken(id)));
  ok(!CLIENT_ID.test(jwt(HEADER, CLAIMS)));
});

Deno.test("readVisitorToken() throws at nothing", () => {
  fc.assert(fc.property(fc.string({ minLength: 120, maxLength: 300 }), (text) => {
    const token = readVisitorToken("eyJ" + text);
    return token === undefined || typeof token === "object";
  }));
});

Deno.test("parseClaims() takes what it knows, and nothing else", () => {
  const all = { ...CLAIMS, nbf: 1, path: ["/a"], method: ["GET"], ip: ["10.0.0.0/8"], uses: 1 };
  deepStrictEqual(parseClaims(all), all);
  const bad: Record<string, unknown>[] = [
    { exp: "2" },
    { exp: 1.5 },
    { exp: -1 },
    { exp: undefined },
    { nbf: null },
    { jti: "" },
    { jti: "a b" },
    { jti: "j".repeat(65) },
    { aud: ["a"] },
    { path: [] },
    { path: "/a" },
    { path: ["a"] },
    { path: ["/../a"] },
    { path: Array.from({ length: 33 }, () => "/a") },
    { method: ["get"] },
    { method: ["GET "] },
    { ip: [1] },
    { uses: 0 },
    { uses: -1 },
    { uses: 1.5 },
    { sub: "anything" },
    JSON.parse('{"__proto__": {}}'),
  ];
  for (const one of bad) {
    const claims = Object.defineProperties({ ...CLAIMS }, Object.getOwnPropertyDescriptors(one));
    strictEqual(parseClaims(claims), undefined, JSON.stringify(one));
  }
  for (const value of [null, "x", 1, [], [CLAIMS]]) strictEqual(parseClaims(value), undefined);
});

Deno.test("pathSegments() takes no path that can be read in two ways", () => {
  deepStrictEqual(pathSegments("/"), [""]);
  deepStrictEqual(pathSegments("/a/b%20c/"), ["a", "b%20c", ""]);
  deepStrictEqual(pathSegments("/.well-known/...;x"), [".well-known", "...;x"]);
  deepStrictEqual(pathSegments("/%e0%a4%85/100%25/%f0%9f%98%80/a..%20b"), [
    "%e0%a4%85",
    "100%25",
    "%f0%9f%98%80",
    "a..%20b",
  ]);
  const odd = [
    ..."|a|*|//|//a|/a//b|/.|/..|/a/./b|/a/..;x/b|/a/;x/b|/a\\b|/a%2fb|/a%2Fb|/a%5cb|/a%2e|/a%252E|/a%25255c|/%00|/a b|/a?b|/a#b"
      .split("|"),
    ..."/a/..%3b/b|/a/..%20/b|/a/..%09|/a/.%20/b|/a/%20../b|/a/%09..|/a/..%253b/b|/a/%2520..".split(
      "|",
    ),
    ..."/a/.%c0%ae/b|/a/%C0%AE%c0%ae/b|/a%C1%9Cb|/a%25c0%25afb|/a%e0%80%aeb|/a%f0%80%80%aeb".split(
      "|",
    ),
    ..."/a/%u002e%u002e/b|/a/%U002e/b|/a%u2215b|/a%25u002eb|/a/.\xc0\xae/b".split("|"),
    "/a\tb",
  ];
  for (const path of odd) strictEqual(pathSegments(path), undefined, path);
});

Deno.test("audienceOf() and keyIdOf() are starts of hashes", async () => {
  strictEqual(await audienceOf("abc"), "ungWv48Bz-pBQUDeXa4iI7");
  strictEqual((await keyIdOf("A".repeat(43))).length, 8);
});
