import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { latin1 } from "../latin1.ts";
import { Refusal } from "./refusal.ts";
import {
  hasToken,
  header,
  HeadScanner,
  keepsAlive,
  MAX_HEAD_BYTES,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from "./head.ts";

/** Text as bytes, each character one: heads are Latin-1. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function request(text: string | Uint8Array): RequestHead | undefined {
  const all = typeof text === "string" ? bytes(text) : text;
  const lines = new HeadScanner().scan(all);
  return lines === undefined ? undefined : parseRequestHead(all, lines);
}

function response(text: string): ResponseHead {
  const all = bytes(text);
  return parseResponseHead(all, new HeadScanner().scan(all)!);
}

function refuses(text: string, status: number, message = /^Malformed request: /): void {
  throws(() => request(text), (error) => {
    ok(error instanceof Refusal, String(error));
    strictEqual(error.status, status);
    ok(message.test(error.message), error.message);
    return true;
  }, JSON.stringify(text.slice(0, 200)));
}

/** A request with one more header line. */
const withLine = (line: string) => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;

Deno.test("parseRequestHead() reads method, target, version and headers with their places", () => {
  const text = "POST /a?b=c HTTP/1.1\r\nHost: x:1\r\nX-One:\t two words \t\r\nEmpty:\r\n\r\nbody";
  const head = request(text)!;
  deepStrictEqual(
    [head.method, head.target, head.minor, head.startLine, head.size],
    ["POST", "/a?b=c", 1, "POST /a?b=c HTTP/1.1", text.length - 4],
  );
  deepStrictEqual(head.headers.map(({ name, value }) => [name, value]), [
    ["host", "x:1"],
    ["x-one", "two words"],
    ["empty", ""],
  ]);
  deepStrictEqual(head.headers.map(({ start, end }) => text.slice(start, end)), [
    "Host: x:1\r\n",
    "X-One:\t two words \t\r\n",
    "Empty:\r\n",
  ]);
});

Deno.test("parseRequestHead() takes what RFC 9112 allows", () => {
  for (
    const text of [
      "GET / HTTP/1.0\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET HTTPS://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "M-SEARCH / HTTP/1.1\r\nHost:\r\n\r\n",
      withLine("X: caf\xe9"),
      withLine("X: a\tb"),
      withLine("!#$%&'*+-.^_`|~09azAZ: odd but a token"),
    ]
  ) {
    ok(request(text) !== undefined, text);
  }
});

const MALFORMED: [string, string][] = [
  ["a bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["a bare LF behind a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
  ["a bare LF for the blank line", "GET / HTTP/1.1\r\nHost: a\r\n\n"],
  ["a bare LF in front", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a bare CR in a value", withLine("X: a\rb")],
  ["a bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a CR before the line end", withLine("X: a\r")],
  ["a folded header", withLine("X: a\r\n b")],
  ["a folded header, by a tab", withLine("X: a\r\n\tb")],
  ["a folded first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["a space before the colon", withLine("X : a")],
  ["a tab before the colon", withLine("Transfer-Encoding\t: chunked")],
  ["a space within the name", withLine("Content Length: 5")],
  ["no colon", withLine("X")],
  ["no name", withLine(": a")],
  ["a NUL in a value", withLine("X: a\0b")],
  ["a NUL in a name", withLine("X\0: a")],
  ["a control byte in a value", withLine("X: a\x01")],
  ["a DEL in a value", withLine("X: a\x7f")],
  ["a vertical tab before the value", withLine("X:\x0ba")],
  ["a non-ASCII name", withLine("X\xe9: a")],
  ["a control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
  ["a space in front", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no version (HTTP/0.9)", "GET /\r\n\r\n"],
  ["another version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
  ["a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"],
  ["a longer version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"],
  ["no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a method that is no token", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two Hosts", withLine("Host: b")],
  ["two equal Hosts", withLine("hOST: a")],
  ["no Host in HTTP/1.1", "GET / HTTP/1.1\r\nX: a\r\n\r\n"],
  ["two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
  ["CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a target that is a bare name", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a target with another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an empty request line", "\r\nHost: a\r\n\r\n"],
];

for (const [what, text] of MALFORMED) {
  Deno.test(`a request head with ${what} is answered 400`, () => refuses(text, 400));
}

Deno.test("an HTTP/2 preface is told to use HTTP/1.1", () => {
  refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, /HTTP\/2 without TLS/);
});

/** A head of exactly that size. */
function sized(size: number): string {
  const [front, back] = ["GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"];
  return front + "x".repeat(size - front.length - back.length) + back;
}

Deno.test("a head of exactly 64 KiB passes, one byte more is answered 431", () => {
  strictEqual(request(sized(MAX_HEAD_BYTES))!.size, MAX_HEAD_BYTES);
  strictEqual(request(sized(MAX_HEAD_BYTES) + "body")!.size, MAX_HEAD_BYTES);
  refuses(sized(MAX_HEAD_BYTES + 1), 431, /^Head larger than 65536 bytes$/);
});

Deno.test("a head that goes on without an end is answered 431 as soon as it is too large", () => {
  const scanner = new HeadScanner();
  const line = bytes("GET /" + "a".repeat(MAX_HEAD_BYTES));
  strictEqual(scanner.scan(line.subarray(0, MAX_HEAD_BYTES - 1)), undefined);
  throws(
    () => scanner.scan(line.subarray(0, MAX_HEAD_BYTES)),
    (error) => error instanceof Refusal && error.status === 431,
  );
  refuses("GET / HTTP/1.1\r\n" + "a: b\r\n".repeat(20_000) + "\r\n", 431, /^Head larger/);
});

Deno.test("a scanner is ready for the next head", () => {
  const scanner = new HeadScanner();
  const first = bytes("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  const second = bytes("GET /2 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
  strictEqual(parseRequestHead(first, scanner.scan(first)!).target, "/1");
  strictEqual(scanner.scan(second.subarray(0, 20)), undefined);
  strictEqual(parseRequestHead(second, scanner.scan(second)!).target, "/2");
});

/** Scans a head that comes in pieces that end at the given places; what it comes to, as text. */
function outcome(all: Uint8Array, places: readonly number[]): string {
  const scanner = new HeadScanner();
  try {
    for (const end of [...places, all.length]) {
      const seen = all.subarray(0, end);
      const lines = scanner.scan(seen);
      if (lines !== undefined) return JSON.stringify(parseRequestHead(seen, lines));
    }
    return "more";
  } catch (error) {
    ok(error instanceof Refusal, String(error));
    return `${error.status} ${error.message}`;
  }
}

const token = fc.string({
  unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"),
  minLength: 1,
  maxLength: 10,
}).filter((name) => name.toLowerCase() !== "host");
const value = fc.string({
  unit: fc.constantFrom(..."\t !az09~\x80\xe9\xff,;=\"'<>"),
  maxLength: 30,
});
const target = fc.string({ unit: fc.constantFrom(..."az09/?&=%.-~#\xe9"), maxLength: 30 })
  .map((rest) => "/" + rest);

/** A head that is as it should be, followed by a body. */
const goodHead = fc.record({
  method: fc.constantFrom("GET", "POST", "M-SEARCH", "x"),
  target,
  headers: fc.array(fc.tuple(token, value), { maxLength: 8 }),
  body: fc.string({ maxLength: 20 }),
}).map(({ method, target, headers, body }) => ({
  method,
  target,
  headers,
  text: `${method} ${target} HTTP/1.1\r\nHost: h\r\n` +
    headers.map(([name, value]) => `${name}:${value}\r\n`).join("") + "\r\n" +
    body.replace(/[^\x20-\x7e]/g, "."),
}));

Deno.test("any well-formed head is read as it was written", () => {
  fc.assert(fc.property(goodHead, ({ method, target, headers, text }) => {
    const head = request(text)!;
    strictEqual(head.method, method);
    strictEqual(head.target, target);
    deepStrictEqual(
      head.headers.slice(1).map(({ name, value }) => [name, value]),
      headers.map(([name, value]) => [name.toLowerCase(), value.replace(/^[\t ]+|[\t ]+$/g, "")]),
    );
    for (const { name, start, end } of head.headers) {
      ok(text.slice(start, end).toLowerCase().startsWith(name + ":"));
      ok(text.slice(start, end).endsWith("\r\n"));
    }
    ok(text.slice(0, head.size).endsWith("\r\n\r\n"));
  }));
});

Deno.test("any split of a head gives the same result, good or bad", () => {
  const bad = fc.constantFrom(...MALFORMED).map(([, text]) => text);
  const large = fc.integer({ min: MAX_HEAD_BYTES - 2, max: MAX_HEAD_BYTES + 2 }).map(sized);
  const text = fc.oneof(goodHead.map(({ text }) => text), bad, large, fc.string());
  fc.assert(fc.property(text, fc.array(fc.nat()), (text, cuts) => {
    const all = bytes(text);
    const places = cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b);
    strictEqual(outcome(all, places), outcome(all, []));
  }));
});

Deno.test("one byte at a time gives the same result", () => {
  for (const [, text] of MALFORMED) {
    const all = bytes(text);
    strictEqual(outcome(all, all.keys().toArray()), outcome(all, []), JSON.stringify(text));
  }
});

/** Whether a control character stands in some text. */
function hasControl(text: string): boolean {
  return Array.from(bytes(text)).some((byte) => byte < 32 || byte === 127);
}

Deno.test("any change to a head gives a head or an Refusal", () => {
  const change = fc.record({
    place: fc.nat(),
    remove: fc.nat(3),
    insert: fc.string({ unit: fc.constantFrom(..."\r\n\t :\0\x01\x7f\xffaH,"), maxLength: 3 }),
  });
  fc.assert(
    fc.property(goodHead, fc.array(change, { minLength: 1, maxLength: 4 }), ({ text }, changes) => {
      for (const { place, remove, insert } of changes) {
        const at = place % (text.length + 1);
        text = text.slice(0, at) + insert + text.slice(at + remove);
      }
      let head: RequestHead | undefined;
      try {
        head = request(text);
      } catch (error) {
        ok(error instanceof Refusal, String(error));
        ok([400, 431].includes(error.status));
        return;
      }
      if (head === undefined) return;
      // What passes is what it seems: no line end, control byte or second Host hides in it.
      for (const { name, value } of head.headers) {
        ok(!hasControl(name) && !/[ :\t]/.test(name));
        ok(!hasControl(value.replaceAll("\t", "")));
      }
      ok(!hasControl(head.target) && !head.target.includes(" "));
      const hosts = head.headers.filter(({ name }) => name === "host").length;
      ok(hosts <= 1 && hosts >= head.minor);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("random bytes give a head or an Refusal", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (all) => {
    try {
      request(all);
    } catch (error) {
      ok(error instanceof Refusal, String(error));
    }
  }));
});

Deno.test("a hostile line takes no longer to refuse than a good one of its length takes to read", () => {
  const time = (text: string) => {
    const since = performance.now();
    try {
      request(text);
    } catch (error) {
      ok(error instanceof Refusal);
    }
    return performance.now() - since;
  };
  for (const piece of [" ", "\t", " \t", "x ", "x\t ", ":", "a:"]) {
    const line = "X:" + piece.repeat(60_000 / piece.length);
    // Milliseconds when it is linear, seconds when it is quadratic.
    ok(time(withLine(line + "\x01")) < 1500, JSON.stringify(piece));
    ok(time(withLine(line + "x\x01")) < 1500, JSON.stringify(piece));
  }
  ok(time(withLine("X".repeat(60_000))) < 1500);
  ok(time("GET /" + "a".repeat(60_000) + " HTTP/1.1 \r\nHost: a\r\n\r\n") < 1500);
});

Deno.test("latin1() keeps every byte and every place, however long", () => {
  const all = Uint8Array.from({ length: 20_000 }, (_, i) => i % 256);
  const text = latin1(all);
  strictEqual(text.length, all.length);
  deepStrictEqual(bytes(text), all);
});

Deno.test("parseResponseHead() reads status and version", () => {
  const head = response("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\n");
  deepStrictEqual([head.status, head.minor, header(head, "content-length")], [200, 1, "5"]);
  strictEqual(response("HTTP/1.0 404 \r\n\r\n").status, 404);
  strictEqual(response("HTTP/1.1 204\r\n\r\n").status, 204);
  strictEqual(response("HTTP/1.1 599 Any Words At All\r\n\r\n").status, 599);
});

Deno.test("parseResponseHead() looks at the lines that frame, and lets the others be", () => {
  const head = response("HTTP/1.1 200 OK\r\nSer ver = x\r\nTransfer-Encoding: chunked\r\n\r\n");
  deepStrictEqual(head.headers.map(({ name }) => name), ["transfer-encoding"]);
  for (const line of ["Content-Length : 5", "transfer-encoding", " folded", "\tfolded"]) {
    throws(() => response(`HTTP/1.1 200 OK\r\nA: b\r\n${line}\r\n\r\n`), Refusal, line);
  }
});

Deno.test("parseResponseHead() refuses what is no HTTP/1.x response", () => {
  for (
    const line of ["SSH-2.0-x", "HTTP/2 200", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099 x", ""]
  ) {
    throws(
      () => response(`${line}\r\n\r\n`),
      (error) => error instanceof Refusal && error.status === 502,
      line,
    );
  }
});

Deno.test("header() gives the first of that name, and knows no inherited one", () => {
  const head = request(withLine("X: 1\r\nx: 2"))!;
  strictEqual(header(head, "x"), "1");
  strictEqual(header(head, "y"), undefined);
  strictEqual(header(head, "constructor"), undefined);
});

Deno.test("hasToken() looks at every line of a header, item by item", () => {
  const head = request(withLine("Connection: keep-alive, UPGRADE\r\nconnection: x-close"))!;
  ok(hasToken(head, "connection", "upgrade"));
  ok(hasToken(head, "connection", "x-close"));
  ok(!hasToken(head, "connection", "close"));
});

Deno.test("keepsAlive() follows version and Connection", () => {
  const cases: [string, boolean][] = [
    ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", true],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false],
    ["GET / HTTP/1.0\r\n\r\n", false],
    ["GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true],
  ];
  for (const [text, expected] of cases) strictEqual(keepsAlive(request(text)!), expected, text);
});
