import { ok, strictEqual } from "node:assert/strict";
import { latin1, latin1Bytes } from "@agentx/common";
import {
  HeadScanner,
  keepsAlive,
  parseRequestHead,
  parseResponseHead,
  requestBody,
} from "@agentx/common/http";
import fc from "fast-check";
import { forwardAnswer, forwardRequest } from "./forward.ts";

const TARGET = { port: 3000, path: "/a?b", prefix: "/proxy/3000" };

function forward(lines: string[], body = "", key?: string, start = "GET /proxy/3000/a?b"): string {
  const bytes = latin1Bytes([`${start} HTTP/1.1`, ...lines, "", ""].join("\r\n") + body);
  const head = parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
  return latin1(forwardRequest(bytes, head, bytes.length, TARGET, key));
}

function answered(lines: string[], keepAlive: boolean, body = ""): string {
  const bytes = latin1Bytes([...lines, "", ""].join("\r\n") + body);
  const head = parseResponseHead(bytes, new HeadScanner().scan(bytes)!);
  return latin1(forwardAnswer(bytes, head, bytes.length, keepAlive));
}

const message = (...lines: string[]) => [...lines, "", ""].join("\r\n");

Deno.test("forwardRequest() writes the lines of one connection anew, and keeps the others", () => {
  strictEqual(
    forward([
      "X-First: 1",
      "Host: example.org",
      "connection: keep-alive, X-Mine",
      "Keep-Alive: timeout=5",
      "X-Mine: gone",
      "TE: trailers",
      "Proxy-Authorization: gone",
      "X-Forwarded-For: 192.0.2.1",
      "X-Forwarded-Prefix: /lie",
      "Content-Length: 3",
      "accept-ENCODING:  gzip",
      "Cookie: a=b",
    ], "abc"),
    message(
      "GET /a?b HTTP/1.1",
      "Host: localhost:3000",
      "X-First: 1",
      "X-Forwarded-For: 192.0.2.1",
      "Content-Length: 3",
      "accept-ENCODING:  gzip",
      "Cookie: a=b",
      "X-Forwarded-Prefix: /proxy/3000",
      "Connection: close",
    ) + "abc",
  );
});

Deno.test("forwardRequest() passes an upgrade on, and no other", () => {
  const sent = forward(["Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-X: 1"]);
  ok(sent.endsWith("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), sent);
  ok(sent.includes("\r\nSec-X: 1\r\n"));
  for (const lines of [["Upgrade: websocket"], ["Connection: Upgrade"]]) {
    const plain = forward(["Host: a", ...lines]);
    ok(!/upgrade/i.test(plain), plain);
    ok(plain.endsWith("\r\nConnection: close\r\n\r\n"));
  }
});

Deno.test("forwardRequest() keeps our key from the service, and its own credentials for it", () => {
  const own = ["Host: a", "Authorization: Bearer sesame123", "X-API-Key: sesame123"];
  ok(!forward(own, "", "sesame123").includes("sesame"));
  const mixed = forward(["Host: a", "Authorization: Basic YTpi", own[2]!], "", "sesame123");
  ok(mixed.includes("\r\nAuthorization: Basic YTpi\r\n"), mixed);
  ok(!mixed.includes("sesame"));
  ok(forward(own).includes("Authorization: Bearer sesame123"));
});

Deno.test("forwardRequest(): no Connection takes away what frames a request", () => {
  const sent = forward(["Host: a", "Connection: content-length, Host", "Content-Length: 2"], "ab");
  ok(sent.includes("\r\nContent-Length: 2\r\n"), sent);
  ok(sent.includes("\r\nHost: localhost:3000\r\n"), sent);
});

Deno.test("forwardRequest() always gives a request with the same body, closed behind it", () => {
  const name = fc.stringMatching(/^[A-Za-z-]{1,12}$/)
    .filter((name) => !/^(host|content-length|transfer-encoding|upgrade)$/i.test(name));
  const value = fc.stringMatching(/^[\x21-\x7e]{0,12}$/);
  fc.assert(fc.property(fc.array(fc.tuple(name, value)), value, (lines, body) => {
    const sent = latin1Bytes(forward([
      ...lines.map(([name, value]) => `${name}: ${value}`),
      "Host: a",
      `Content-Length: ${body.length}`,
    ], body));
    const head = parseRequestHead(sent, new HeadScanner().scan(sent)!);
    strictEqual(head.target, "/a?b");
    strictEqual(keepsAlive(head), false);
    const framing = requestBody(head);
    strictEqual(framing.take(sent, head.size), body.length);
    ok(framing.done && head.size + body.length === sent.length);
  }));
});

Deno.test("forwardAnswer() replaces Connection and touches nothing else", () => {
  const head = [
    "HTTP/1.1 200 Fine",
    "Set-Cookie: a",
    "CONNECTION: close",
    "Set-Cookie:b",
    "X:\xff",
  ];
  const kept = ["HTTP/1.1 200 Fine", "Set-Cookie: a", "Set-Cookie:b", "X:\xff"];
  strictEqual(answered(head, true, "body"), message(...kept) + "body");
  strictEqual(answered(head, false, "body"), message(...kept, "Connection: close") + "body");
});
