import { latin1 } from "@agentx/common";
import {
  HeadScanner,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
} from "@agentx/common/http";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { addLines, cookieLine, type Forwarded, forwardRequest, isNavigation } from "./forward.ts";

/** Text as bytes, each character one. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function parse(all: Uint8Array): RequestHead {
  return parseRequestHead(all, new HeadScanner().scan(all)!);
}

const VISITOR: Forwarded = { address: "192.0.2.7", proto: "http", trusted: false };

/** What the service gets for a request that is at hand whole. */
function forward(text: string, forwarded: Forwarded = VISITOR, target?: string): string {
  const all = bytes(text);
  return latin1(forwardRequest(all, parse(all), all.length, forwarded, target).bytes);
}

const lines = (...all: string[]) => all.map((line) => line + "\r\n").join("");

Deno.test("forwardRequest() tells who came, how and for which host", () => {
  strictEqual(
    forward(lines("GET /a HTTP/1.1", "Host: proxy:17003", "Accept: */*", "")),
    lines(
      "GET /a HTTP/1.1",
      "X-Forwarded-For: 192.0.2.7",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: proxy:17003",
      "Host: proxy:17003",
      "Accept: */*",
      "",
    ),
  );
});

Deno.test("forwardRequest() leaves X-Forwarded-Host out when there is no Host", () => {
  strictEqual(
    forward(lines("GET / HTTP/1.0", "")),
    lines("GET / HTTP/1.0", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http", ""),
  );
});

const SPOOFED = lines(
  "GET / HTTP/1.1",
  "x-forwarded-for: 1.1.1.1",
  "Host: a",
  "X-FORWARDED-FOR:2.2.2.2",
  "X-Forwarded-Proto: https",
  "Forwarded: for=1.1.1.1",
  "X-Forwarded-Host: bank.example",
  "X-Other: kept",
  "",
);

Deno.test("forwardRequest() believes no stranger who says for whom it forwards", () => {
  strictEqual(
    forward(SPOOFED),
    lines(
      "GET / HTTP/1.1",
      "X-Forwarded-For: 192.0.2.7",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: a",
      "Host: a",
      "X-Other: kept",
      "",
    ),
  );
});

/** Names of the lines that the service gets, in lower case. */
function names(request: string, forwarded?: Forwarded): string[] {
  return forward(request, forwarded).split("\r\n").slice(1, -2)
    .map((line) => line.split(":", 1)[0]!.toLowerCase());
}

const WRITTEN = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
const CLAIMS = ["Port", "Prefix", "Server", "Ssl", "Scheme", "User", "Whatever"]
  .map((last) => `X-Forwarded-${last}`).concat("X-Real-IP", "Forwarded");

Deno.test("forwardRequest() takes no stranger's word for any line of proxies", () => {
  const odd = ["X_Forwarded_For", "x-forwarded_proto", "X_REAL_IP", "X.Forwarded.For", "X_Real-IP"];
  const all = [...CLAIMS, ...odd].map((name) => `${name}: 1.1.1.1`);
  const kept = ["X-Forwarded: 1", "X-Forward: 1", "X-Real: 1", "X-Original-URL: /", "Via: 1.1 me"];
  const request = lines("GET / HTTP/1.1", "Host: a", ...all, ...kept, "");
  deepStrictEqual(names(request), [
    ...[...WRITTEN, "host"],
    ...["x-forwarded", "x-forward", "x-real", "x-original-url", "via"],
  ]);
});

Deno.test("forwardRequest() keeps what a trusted proxy says, and not what is only read alike", () => {
  const odd = ["X_Forwarded_For: 1.1.1.1", "X_Forwarded_User: root", "x_real_ip: 1.1.1.1"];
  const all = [...CLAIMS.map((name) => `${name}: 1`), ...odd];
  const request = lines("GET / HTTP/1.1", "Host: a", ...all, "");
  deepStrictEqual(names(request, { ...VISITOR, trusted: true }), [
    ...[...WRITTEN, "host"],
    ...CLAIMS.map((name) => name.toLowerCase()),
  ]);
});

Deno.test("forwardRequest() lets nobody have its lines taken away by the next proxy", () => {
  const connection = (value: string) =>
    forward(lines("GET / HTTP/1.1", "Host: a", `Connection: ${value}`, ""))
      .split("\r\n").filter((line) => /^connection:/i.test(line));
  for (const value of ["close", "keep-alive", "Upgrade", "TE, x-real, close", " close "]) {
    deepStrictEqual(connection(value), [`Connection: ${value}`], value);
  }
  deepStrictEqual(connection("close, X-Forwarded-For"), ["connection: close"]);
  deepStrictEqual(connection("x-forwarded-proto,TE ,X-REAL-IP"), ["connection: TE"]);
  deepStrictEqual(connection("X_Forwarded_For, forwarded"), []);
});

Deno.test("forwardRequest() leaves no way around the limits of a visitor token", () => {
  const path = ["X-Original-URL", "X-Rewrite-URL", "X_Original_URL"];
  const method = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x_http_method"];
  const all = [...path, ...method].map((name) => `${name}: x`);
  const request = lines("GET / HTTP/1.1", "Host: a", ...all, "");
  const lower = (some: string[]) => some.map((name) => name.toLowerCase());
  const rest = (limits?: Forwarded["limits"], trusted = false) =>
    names(request, { ...VISITOR, trusted, ...(limits && { limits }) }).slice(4);
  deepStrictEqual(rest(), lower([...path, ...method]));
  deepStrictEqual(rest({}), lower([...path, ...method]));
  deepStrictEqual(rest({ path: ["/a"] }, true), lower(method));
  deepStrictEqual(rest({ method: ["GET"] }), lower(path));
  deepStrictEqual(rest({ path: ["/a"], method: ["GET"] }), []);
});

Deno.test("forwardRequest() keeps our cookie, and names of other clients, from the service", () => {
  const request = lines(
    "GET /x?token=b HTTP/1.1",
    "Host: proxy",
    "Cookie: a=b; arp_token=mine;arp_tokens=1; my_arp_token=2; x=arp_token=3",
    "Cookie: arp_token=other",
    "Referer: http://proxy/?token=b/sub&x=1&token=mine",
    "X-ARP-Token: b",
    "",
  );
  const lead = [`GET /x?token=b HTTP/1.1`, ...forwardedTo("proxy")];
  const cookie = "cookie: a=b;arp_tokens=1; my_arp_token=2; x=arp_token=3";
  strictEqual(
    forward(request, { ...VISITOR, others: ["b"] }),
    lines(...lead, cookie, "referer: http://proxy/?x=1&token=mine", "Host: proxy", ""),
  );
  const own = ["Referer: http://proxy/?token=b/sub&x=1&token=mine", "X-ARP-Token: b"];
  strictEqual(forward(request), lines(...lead, cookie, "Host: proxy", ...own, ""));
});

function forwardedTo(host: string): string[] {
  return [
    "X-Forwarded-For: 192.0.2.7",
    "X-Forwarded-Proto: http",
    `X-Forwarded-Host: ${host}`,
  ];
}

Deno.test("forwardRequest() appends to what a trusted proxy says", () => {
  strictEqual(
    forward(SPOOFED, { ...VISITOR, trusted: true }),
    lines(
      "GET / HTTP/1.1",
      "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: bank.example",
      "Host: a",
      "Forwarded: for=1.1.1.1",
      "X-Other: kept",
      "",
    ),
  );
});

Deno.test("forwardRequest() puts a new target into the first line and keeps the version", () => {
  ok(
    forward(lines("POST /?token=id/a HTTP/1.0", ""), VISITOR, "/a?x=\xe9")
      .startsWith("POST /a?x=\xe9 HTTP/1.0\r\nX-Forwarded-For: "),
  );
});

Deno.test("forwardRequest() sends as much of the body as belongs to the request", () => {
  const head = lines("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "");
  const all = bytes(head + "abcGET /next");
  const sent = latin1(forwardRequest(all, parse(all), head.length + 3, VISITOR).bytes);
  ok(sent.endsWith("Content-Length: 3\r\n\r\nabc"));
});

const OURS = /^(?:x-forwarded-(?:for|proto|host)|forwarded):/i;

Deno.test("every byte goes on as it came, but for the lines that are named", () => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 12 }),
    fc.constantFrom("X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-HOST", "Forwarded"),
    fc.constantFrom("Cookie", "Connection", "X-ARP-Token", "Content-Type"),
  ).filter((name) => name.toLowerCase() !== "host");
  const value = fc.string({ unit: fc.constantFrom(..."\t !az09~\x80\xe9\xff,;:="), maxLength: 20 });
  const target = fc.string({ unit: fc.constantFrom(..."az09/?&=%.-~\xe9"), maxLength: 20 });
  fc.assert(
    fc.property(
      target,
      fc.array(fc.tuple(name, value), { maxLength: 8 }),
      fc.nat(8),
      fc.uint8Array({ maxLength: 50 }),
      fc.option(target, { nil: undefined }),
      (path, headers, place, body, replaced) => {
        const all = headers.map(([name, value]) => `${name}:${value}`);
        all.splice(place % (all.length + 1), 0, "hOsT: a \t");
        const head = lines(`GET /${path} HTTP/1.1`, ...all, "");
        const to = replaced === undefined ? undefined : "/" + replaced;
        const sent = forward(head + latin1(body), VISITOR, to);
        const split = sent.indexOf("\r\n\r\n") + 4;
        strictEqual(sent.slice(split), latin1(body));
        const got = sent.slice(0, split - 4).split("\r\n");
        strictEqual(got[0], `GET ${to ?? "/" + path} HTTP/1.1`);
        deepStrictEqual(
          got.slice(1).filter((line) => !OURS.test(line)),
          all.filter((line) => !OURS.test(line)),
        );
        deepStrictEqual(got.filter((line) => OURS.test(line)), [
          "X-Forwarded-For: 192.0.2.7",
          "X-Forwarded-Proto: http",
          "X-Forwarded-Host: a",
        ]);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("isNavigation() tells a page from its parts", () => {
  const is = (...all: string[]) =>
    isNavigation(parse(bytes(lines("GET / HTTP/1.1", "Host: a", ...all, ""))));
  ok(is("Sec-Fetch-Mode: navigate"));
  ok(!is("Sec-Fetch-Mode: cors", "Accept: text/html"));
  ok(is("Accept: text/html,application/xhtml+xml,*/*;q=0.8"));
  ok(!is("Accept: */*"));
  ok(!is());
  ok(!is("Accept: text/html", "Upgrade: websocket"));
  const post = bytes(lines("POST / HTTP/1.1", "Host: a", "Accept: text/html", ""));
  ok(!isNavigation(parse(post)));
});

Deno.test("cookieLine() keeps the cookie from scripts, other sites and, under TLS, plain text", () => {
  strictEqual(
    cookieLine("my-app", false),
    "Set-Cookie: arp_token=my-app; Path=/; HttpOnly; SameSite=Lax\r\n",
  );
  strictEqual(
    cookieLine("my-app", true),
    "Set-Cookie: arp_token=my-app; Path=/; HttpOnly; SameSite=Lax; Secure\r\n",
  );
});

Deno.test("addLines() puts lines at the end of a head and leaves the rest", () => {
  const all = bytes("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nbody\r\n\r\n");
  const head = parseResponseHead(all, new HeadScanner().scan(all)!);
  strictEqual(
    latin1(addLines(all, head, "Set-Cookie: a=b\r\n")),
    "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\n\r\nbody\r\n\r\n",
  );
  const bare = bytes("HTTP/1.1 200 OK\r\n\r\n");
  strictEqual(
    latin1(addLines(bare, parseResponseHead(bare, new HeadScanner().scan(bare)!), "A: b\r\n")),
    "HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
  );
});

Deno.test("forwardRequest() keeps visitor tokens from the service, and nothing else", () => {
  const encode = (text: string) => btoa(text).replace(/=+$/, "");
  const token = `${encode('{"alg":"EdDSA","typ":"arp+jwt"}')}.${"p".repeat(60)}.${"s".repeat(86)}`;
  const foreign = `${encode('{"alg":"EdDSA","typ":"JWT"}')}.${"p".repeat(60)}.${"s".repeat(86)}`;
  const request = lines(
    `GET /x HTTP/1.1`,
    "Host: proxy",
    `X-ARP-Token: ${token}`,
    `Cookie: a=b; arp_token=${token}; arp_token=other`,
    `Cookie: arp_token=${token}~mark`,
    `Referer: http://proxy/a?token=${token}&x=1&token=${foreign}#t`,
    `Authorization: Bearer ${token}`,
    "",
  );
  strictEqual(
    forward(request, { ...VISITOR, tokens: true }),
    lines(
      "GET /x HTTP/1.1",
      "X-Forwarded-For: 192.0.2.7",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: proxy",
      "cookie: a=b",
      `referer: http://proxy/a?x=1&token=${foreign}#t`,
      "Host: proxy",
      `Authorization: Bearer ${token}`,
      "",
    ),
  );
  ok(forward(request).includes(token), "only where there is one does anybody look");
});
