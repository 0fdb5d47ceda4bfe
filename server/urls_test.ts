import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { CLIENT_ID } from "@agentx/common";
import { HeadScanner, parseRequestHead } from "@agentx/common/http";
import { candidates } from "./http/route.ts";
import { type PublicNames, publicUrls } from "./urls.ts";

Deno.test("publicUrls() without a name of its own leaves the host to the client", () => {
  deepStrictEqual(publicUrls(["a", "b"], { port: 17003 }), [
    "http://0.0.0.0:17003/?token=a",
    "http://0.0.0.0:17003/?token=b",
  ]);
});

Deno.test("publicUrls() puts a token that can be a host name in front of the domain", () => {
  deepStrictEqual(publicUrls(["my-app", "a_b", "a.b"], { domain: "t.example", port: 17003 }), [
    "http://my-app.t.example:17003/",
    "http://t.example:17003/?token=a_b",
    "http://t.example:17003/?token=a.b",
  ]);
});

Deno.test("publicUrls() takes scheme, host and port from the owner's URL", () => {
  const names: PublicNames = { publicUrl: "https://t.example", port: 17003 };
  deepStrictEqual(publicUrls(["a"], names), ["https://t.example/?token=a"]);
  deepStrictEqual(publicUrls(["a"], { ...names, domain: "t.example" }), ["https://a.t.example/"]);
  deepStrictEqual(publicUrls(["a"], { ...names, publicUrl: "http://t.example:8080/" }), [
    "http://t.example:8080/?token=a",
  ]);
});

Deno.test("publicUrls() has one URL for each token", () => {
  strictEqual(publicUrls([], { port: 1 }).length, 0);
  strictEqual(publicUrls(["a", "b", "c"], { port: 1 }).length, 3);
});

/** The token that the server finds when a browser opens the URL. */
function tokenOf(url: string, domain: string | undefined): string | undefined {
  const { host, pathname, search } = new URL(url);
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const bytes = new TextEncoder().encode(request);
  const head = parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
  return candidates(head, domain)[0]?.token;
}

const NAMES: PublicNames[] = [
  { port: 17003 },
  { port: 80 },
  { port: 17003, domain: "t.example" },
  { port: 17003, domain: "T.Example", publicUrl: "https://t.example" },
  { port: 17003, domain: "T.Example", publicUrl: "https://www.t.example" },
  { port: 17003, publicUrl: "http://proxy:8080/" },
];

Deno.test("every URL that is told leads back to its token", () => {
  const id = fc.oneof(
    fc.string({
      unit: fc.constantFrom(..."ABZabz09._~:@-"),
      minLength: 1,
      maxLength: 128,
    }),
    fc.constantFrom(
      "My-App",
      "xn--a",
      "xn--mgba3a4f16a",
      "a--b",
      "-",
      "a-",
      ".",
      "..",
      "0x7f",
      "1",
    ),
    fc.constantFrom("x".repeat(63), "x".repeat(64), "~", "@", ":", "a:b@c"),
  ).filter((id) => CLIENT_ID.test(id));
  fc.assert(
    fc.property(id, fc.constantFrom(...NAMES), (id, names) => {
      const [url] = publicUrls([id], names);
      ok(url !== undefined);
      strictEqual(tokenOf(url, names.domain), id, url);
    }),
    { numRuns: 500 },
  );
});
