import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { sniffHttp } from "./http.ts";

const encoder = new TextEncoder();
const kind = (text: string) => sniffHttp(encoder.encode(text)).kind;

Deno.test("sniffHttp() knows a request by its method and a space", () => {
  for (
    const text of [
      "GET / HTTP/1.1\r\n",
      "GET ",
      "M-SEARCH * HTTP/1.1",
      "VERSION-CONTROL /",
      "PRI * HTTP/2.0",
      "\r\nGET /",
      "X /",
    ]
  ) {
    strictEqual(kind(text), "http", text);
  }
});

Deno.test("sniffHttp() waits while it could still be a method", () => {
  for (const text of ["", "G", "GET", "VERSION-CONTROL", "\r", "\r\n", "\r\nPO"]) {
    strictEqual(kind(text), "more", JSON.stringify(text));
  }
});

Deno.test("sniffHttp() says no to other protocols at their first bytes", () => {
  for (
    const text of [
      "SSH-2.0-OpenSSH",
      "get / HTTP/1.1",
      " GET /",
      "GET\t/",
      "GET\r\n",
      "EHLO\r\n",
      "*1\r\n$4\r\nPING\r\n",
      "A".repeat(25),
    ]
  ) {
    strictEqual(kind(text), "no", text);
  }
  const first: [string, string][] = [
    ["TLS", "16030100"],
    ["PostgreSQL's SSLRequest", "0000000804d2162f"],
    ["SOCKS5", "050100"],
    ["nothing but zeros", "00"],
  ];
  for (const [what, hex] of first) strictEqual(sniffHttp(Uint8Array.fromHex(hex)).kind, "no", what);
});

Deno.test("a prefix of a match is never no, and a match stays one", () => {
  const method = fc.string({ unit: fc.constantFrom(..."ABZ-"), minLength: 1, maxLength: 24 });
  fc.assert(fc.property(
    fc.constantFrom("", "\r\n", "\r\n\r\n"),
    method,
    fc.uint8Array({ maxLength: 30 }),
    (before, method, rest) => {
      const start = encoder.encode(`${before}${method} `);
      for (let size = 0; size < start.length; size++) {
        strictEqual(sniffHttp(start.subarray(0, size)).kind, "more");
      }
      strictEqual(sniffHttp(start).kind, "http");
      strictEqual(sniffHttp(new Uint8Array([...start, ...rest])).kind, "http");
    },
  ));
});

Deno.test("a no stays a no, and nothing throws", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(..."\r\nAZ- x/"), maxLength: 60 }).map((text) =>
      encoder.encode(text)
    ),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    const verdicts = Array.from(
      { length: bytes.length + 1 },
      (_, size) => sniffHttp(bytes.subarray(0, size)).kind,
    );
    const settled = verdicts.findIndex((verdict) => verdict !== "more");
    if (settled < 0) return;
    ok(verdicts.slice(settled).every((verdict) => verdict === verdicts[settled]));
    // Sniffing only the last bytes at hand must not look beyond them.
    deepStrictEqual(sniffHttp(bytes.slice(0, settled)).kind, verdicts[settled]);
  }));
});

Deno.test("sniffHttp() looks at nothing outside of its view", () => {
  const buffer = encoder.encode("GET / HTTP/1.1");
  strictEqual(sniffHttp(buffer.subarray(0, 3)).kind, "more");
  notStrictEqual(sniffHttp(buffer.subarray(3)).kind, "http");
});
