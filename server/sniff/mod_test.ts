import { deepStrictEqual, notStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { cancelRequest, SSL_REQUEST, startup } from "../postgres/testdata/packets.ts";
import { sniff } from "./mod.ts";
import { CHROMIUM, OPENSSL, TLS12 } from "./testdata/hellos.ts";

const encoder = new TextEncoder();

/** The start of everything that some sniffer knows; a new protocol adds one line. */
const KNOWN: [protocol: string, bytes: Uint8Array][] = [
  ["http", encoder.encode("GET /?token=my-app HTTP/1.1\r\nHost: a\r\n\r\n")],
  ["http", encoder.encode("\r\nPOST / HTTP/1.0\r\n\r\n")],
  ["postgres", SSL_REQUEST],
  ["postgres", startup([["user", "alice?token=my-app"]])],
  ["postgres", cancelRequest(new Uint8Array(8))],
  ["tls", OPENSSL],
  ["tls", TLS12],
  ["tls", CHROMIUM],
];

for (const [protocol, bytes] of KNOWN) {
  const shown = JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 12)));
  Deno.test(`sniff() knows ${protocol} by ${shown}…, and no prefix of it is a no`, () => {
    for (let size = 0; size < bytes.length; size++) {
      notStrictEqual(sniff(bytes.subarray(0, size)).kind, "no", `${size} bytes`);
    }
    ok(["http", "raw", "reply"].includes(sniff(bytes).kind));
  });
}

Deno.test("sniff() asks for more when it has nothing", () => {
  deepStrictEqual(sniff(new Uint8Array(0)), { kind: "more" });
});

Deno.test("sniff() throws for no bytes, and changes none of them", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const before = bytes.slice();
    const { kind } = sniff(bytes);
    ok(["no", "more", "http", "raw", "reply", "reject"].includes(kind));
    deepStrictEqual(bytes, before);
  }));
});

Deno.test("sniff() never takes back a no", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array(), (bytes, more) => {
    if (sniff(bytes).kind === "no") {
      deepStrictEqual(sniff(new Uint8Array([...bytes, ...more])).kind, "no");
    }
  }));
});
