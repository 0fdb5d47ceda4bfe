import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { HeadScanner, parseRequestHead, Refusal, type RequestHead } from "@agentx/common/http";
import fc from "fast-check";
import { isForProxy, parseTarget } from "./target.ts";

function request(target: string, ...lines: string[]): RequestHead {
  const text = [`POST ${target} HTTP/1.1`, "Host: a", ...lines, "", ""].join("\r\n");
  const bytes = new TextEncoder().encode(text);
  return parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
}

const parse = (target: string, ...lines: string[]) => parseTarget(request(target, ...lines));

Deno.test("isForProxy() knows its path, below /api and in a whole URL too, and no other", () => {
  for (
    const target of [
      "/proxy",
      "/proxy?port=1",
      "/proxy/",
      "/proxy/3000",
      "/api/proxy/3000/a",
      "http://host:1/proxy/3000",
      "HTTPS://host/api/proxy?port=3000",
    ]
  ) ok(isForProxy(request(target)), target);
  for (
    const target of [
      "/",
      "*",
      "/proxyfoo",
      "/Proxy/3000",
      "/api/api/proxy/3000",
      "/sessions/proxy/3000",
      "/%70roxy/3000",
      "//proxy/3000",
      "/?x=/proxy/3000",
      "http://host?/proxy/3000",
      "http://proxy/3000",
    ]
  ) strictEqual(isForProxy(request(target)), false, target);
});

Deno.test("parseTarget() takes the rest of the path as it is", () => {
  const cases: [target: string, port: number, path: string, prefix: string][] = [
    ["/proxy/3000/", 3000, "/", "/proxy/3000"],
    ["/proxy/3000/a/../b%2Fc//d?x=1?y#z", 3000, "/a/../b%2Fc//d?x=1?y#z", "/proxy/3000"],
    ["/api/proxy/65535/a", 65535, "/a", "/api/proxy/65535"],
    ["http://host/proxy/1/a?b", 1, "/a?b", "/proxy/1"],
    ["/proxy/3000/proxy/4000/", 3000, "/proxy/4000/", "/proxy/3000"],
  ];
  for (const [target, port, path, prefix] of cases) {
    deepStrictEqual(parse(target), { port, path, prefix, raw: false, move: undefined }, target);
  }
});

Deno.test("parseTarget() says where a page has to be when the slash is missing", () => {
  deepStrictEqual(parse("/proxy/3000"), {
    port: 3000,
    path: "/",
    prefix: "/proxy/3000",
    raw: false,
    move: "/proxy/3000/",
  });
  const { path, move } = parse("/api/proxy/3000?token=a&b");
  deepStrictEqual([path, move], ["/?token=a&b", "/api/proxy/3000/?token=a&b"]);
});

Deno.test("parseTarget() reads port and path from the query, or the port from a header", () => {
  const { port, path, prefix, raw } = parse("/proxy?token=t&port=3000&path=/a%20b%3Fc=%C3%A4");
  deepStrictEqual([port, path, prefix, raw], [3000, "/a%20b?c=%C3%A4", undefined, false]);
  deepStrictEqual(parse("/proxy/?port=3000").path, "/");
  deepStrictEqual(parse("/proxy?port=1", "X-ARP-Port: 6379").port, 6379);
  strictEqual(parse("/proxy?port=1&path=/a%0D%0AX:%20y").path, "/a%0D%0AX:%20y");
});

Deno.test("parseTarget() takes Upgrade: tcp for raw bytes, and only with Connection", () => {
  const connection = "Connection: keep-alive, Upgrade";
  strictEqual(parse("/proxy?port=6379", connection, "Upgrade: tcp").raw, true);
  strictEqual(parse("/proxy", connection, "Upgrade: TCP", "X-ARP-Port: 6379").raw, true);
  strictEqual(parse("/proxy?port=6379", "Upgrade: tcp").raw, false);
  strictEqual(parse("/proxy?port=6379", connection, "Upgrade: websocket").raw, false);
  strictEqual(parse("/proxy/6379", connection, "Upgrade: tcp").raw, false);
});

Deno.test("parseTarget() refuses what says no port, or none there is", () => {
  for (
    const target of [
      "/proxy",
      "/proxy?port=",
      "/proxy?port=0",
      "/proxy?port=65536",
      "/proxy?port=+80",
      "/proxy?port=80&path=a",
      "/proxy/abc/",
      "/proxy//3000",
      "/proxy/0/",
      "/proxy/99999/",
      "/proxy/3000.5/",
      "/proxy/123456789012345678901/",
    ]
  ) {
    throws(() => parse(target), (error) => {
      ok(error instanceof Refusal, target);
      return error.status === 400;
    }, target);
  }
});

Deno.test("parseTarget() gives a path that can stand in a request, or refuses", () => {
  const visible = fc.stringMatching(/^[\x21-\x7e\x80-\xff]{0,40}$/);
  fc.assert(fc.property(fc.constantFrom("/proxy/", "/proxy?port=80&path=/", "/proxy"), visible, (
    start,
    rest,
  ) => {
    const latin = Uint8Array.from(
      `POST ${start}${rest} HTTP/1.1\r\nHost: a\r\n\r\n`,
      (letter) => letter.charCodeAt(0),
    );
    const head = parseRequestHead(latin, new HeadScanner().scan(latin)!);
    if (!isForProxy(head)) return;
    try {
      const { port, path } = parseTarget(head);
      ok(Number.isInteger(port) && port >= 1 && port <= 65535);
      ok(/^\/[\x21-\x7e\x80-\xff]*$/.test(path), path);
    } catch (error) {
      ok(error instanceof Refusal, String(error));
    }
  }));
});
