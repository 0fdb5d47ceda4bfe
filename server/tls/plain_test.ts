import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { decodeFrame, encodeFrame, latin1, latin1Bytes } from "@agentx/common";
import { OPENSSL } from "../sniff/testdata/hellos.ts";
import { opening, type TlsPort } from "./plain.ts";

const PORTS: readonly TlsPort[] = ["control", "proxy", "public", "admin"];

/** What a peer is told; fails when it is something else. */
function words(text: string | Uint8Array, port: TlsPort): string {
  const found = opening(typeof text === "string" ? latin1Bytes(text) : text, port);
  if (found.kind !== "plain") throw new Error(`it is ${found.kind}`);
  return latin1(found.words ?? new Uint8Array(0));
}

function postgres(code: number, rest = "", length = 8 + rest.length): Uint8Array {
  const bytes = new Uint8Array(8 + rest.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint32(4, code);
  bytes.set(latin1Bytes(rest), 8);
  return bytes;
}

Deno.test("opening() knows TLS by its first byte, on every port", () => {
  for (const port of PORTS) {
    strictEqual(opening(OPENSSL.subarray(0, 1), port).kind, "tls");
    strictEqual(opening(OPENSSL, port).kind, "tls");
    strictEqual(opening(new Uint8Array(0), port).kind, "more");
  }
});

Deno.test("opening() tells HTTP where to go", () => {
  const request = "GET /docs?token=my-app HTTP/1.1\r\nHost: example.org:17003\r\n\r\n";
  for (let size = 1; size < request.length; size++) {
    strictEqual(opening(latin1Bytes(request.slice(0, size)), "public").kind, "more");
  }
  const said = words(request, "public");
  match(said, /^HTTP\/1\.1 400 Bad Request\r\n/);
  match(said, /\r\nUse https:\/\/example\.org:17003\/docs\?token=my-app\n$|\nUse https:/);
  match(said, /Connection: close/);
  match(words(request, "admin"), /^HTTP\/1\.1 400 [^]*\nUse https:\/\/example\.org:17003\/docs/);
  for (const port of ["control", "proxy"] as const) {
    match(words(request, port), /^HTTP\/1\.1 400 [^]*for arpc, by TLS/);
  }
});

Deno.test("opening() repeats nothing to a browser that could harm it", () => {
  const page = words(
    'GET /<script> HTTP/1.1\r\nHost: "><script>alert(1)</script>\r\nAccept: text/html\r\n' +
      "Sec-Fetch-Mode: navigate\r\n\r\n",
    "public",
  );
  match(page, /^HTTP\/1\.1 400 /);
  ok(!page.includes("<script>"));
  match(words(`GET /${"a".repeat(9000)} HTTP/1.1\r\n`, "public"), /^HTTP\/1\.1 431 /);
  match(words("GET / HTTP/1.1\nHost: a\n\n", "public"), /^HTTP\/1\.1 400 /);
});

Deno.test("opening() answers PostgreSQL's question, and nothing that comes with it", () => {
  const reply = (bytes: Uint8Array) => {
    const found = opening(bytes, "public");
    return found.kind === "question" ? [latin1(found.reply), found.size] : found.kind;
  };
  deepStrictEqual(reply(postgres(80877103)), ["S", 8]);
  deepStrictEqual(reply(postgres(80877104)), ["N", 8]);
  strictEqual(reply(postgres(80877103).subarray(0, 7)), "more");
  match(words(postgres(80877103, "injected"), "public"), /^E[^]*unencrypted data after SSL/);
});

Deno.test("opening() tells PostgreSQL without TLS to use it, but lets it cancel", () => {
  match(words(postgres(196608, "user\0me\0\0"), "public"), /^E[^]*SFATAL[^]*sslmode=require/);
  strictEqual(opening(postgres(80877102, "12345678"), "public").kind, "exempt");
  // What only begins like that is no way around TLS.
  match(words(postgres(80877102, "", 60_000), "public"), /^E/);
});

Deno.test("opening() tells a client of ours to use --tls", () => {
  const hello = encodeFrame({ type: "Register", client_id: "my-app" });
  const found = opening(hello, "control");
  if (found.kind !== "plain" || found.words === undefined) throw new Error("it was not told");
  const { command } = decodeFrame(found.words) ?? {};
  if (command?.type !== "RegisterResult") throw new Error("no answer to a registration");
  strictEqual(command.success, false);
  match(String(command.error), /start arpc with --tls/);
  strictEqual(words(hello, "proxy"), "");
  strictEqual(words(hello, "admin"), "");
});

Deno.test("opening() has no words for what it does not know", () => {
  for (const port of PORTS) {
    strictEqual(words("SSH-2.0-OpenSSH_9.2\r\n", port), "");
    strictEqual(words(Uint8Array.of(0x80, 0x2e, 1, 3, 1), port), "");
  }
});
