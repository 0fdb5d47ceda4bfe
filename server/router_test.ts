import { match, ok, strictEqual, throws } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { Refusal } from "./refusal.ts";
import { HeadScanner, parseRequestHead } from "./http/head.ts";
import { type Client, Registry } from "./registry.ts";
import { Router, type RouterOptions } from "./router.ts";
import { Visitor } from "./visitor.ts";

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };

/** A router, and clients of these ids. */
function open(ids: string[], options: Partial<RouterOptions> = {}) {
  const registry = new Registry(POOL, "replace");
  const clients = ids.map((client_id) => {
    const channel = new Channel(new Peek(new FakeConn()));
    return registry.register({ type: "Register", client_id, version: 2 }, "#", channel).client;
  });
  return { registry, clients, router: new Router(registry, { maxVisitors: 0, ...options }) };
}

function head(target: string, ...lines: string[]) {
  const text = [`GET ${target} HTTP/1.1`, "Host: proxy", ...lines, "", ""].join("\r\n");
  const bytes = new TextEncoder().encode(text);
  return parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
}

function visitor({ trusted = false, tls = false } = {}): Visitor {
  return new Visitor(new FakeConn(), { hostname: "192.0.2.7", port: 5 }, trusted, tls);
}

const PLAIN = visitor();

function refuses(run: () => unknown, status: number, message: RegExp): void {
  throws(run, (error) => {
    ok(error instanceof Refusal, String(error));
    strictEqual(error.status, status);
    match(error.message, message);
    return true;
  });
}

Deno.test("route() leads to the client of the token, with the joined target", () => {
  const { router, clients } = open(["a", "b"]);
  const route = router.route(head("/?token=b/sub"), PLAIN);
  strictEqual(route.client, clients[1]);
  strictEqual(route.target, "/sub");
  strictEqual(route.forwarded.address, "192.0.2.7");
});

Deno.test("route() passes over a token parameter that names no client", () => {
  const { router, clients } = open(["a"]);
  const route = router.route(
    head("/?token=of-the-app", "Referer: http://proxy/?token=a", "Cookie: arp_token=b"),
    PLAIN,
  );
  strictEqual(route.client, clients[0]);
  strictEqual(route.target, undefined);
});

Deno.test("route() gives the cookie to a navigation that carried the query token, and only to it", () => {
  const { router } = open(["a"]);
  const page = "Accept: text/html";
  match(router.route(head("/?token=a", page), PLAIN).lines, /^Set-Cookie: arp_token=a;[^]*\r\n$/);
  strictEqual(router.route(head("/?token=a"), PLAIN).lines, "");
  strictEqual(router.route(head("/", page, "X-ARP-Token: a"), PLAIN).lines, "");
  strictEqual(router.route(head("/", page, "Cookie: arp_token=a"), PLAIN).lines, "");
});

Deno.test("route() keeps the cookie to TLS where the visitor came by it", () => {
  const { router } = open(["a"]);
  const secure = (who: Visitor) =>
    router.route(head("/?token=a", "Accept: text/html", "X-Forwarded-Proto: HTTPS"), who)
      .lines.includes("; Secure");
  ok(!secure(PLAIN), "a stranger's word does not count");
  ok(secure(visitor({ trusted: true })));
  ok(secure(visitor({ tls: true })));
});

Deno.test("route() says what is wrong: no token, unknown, offline, nobody there", () => {
  const { router, registry, clients } = open(["a", "b"]);
  refuses(() => router.route(head("/"), PLAIN), 404, /^Client Token not found$/);
  refuses(() => router.route(head("/?token=x"), PLAIN), 404, /^Client 'x' not found$/);
  registry.unregister(clients[0]!);
  refuses(() => router.route(head("/?token=a"), PLAIN), 503, /^Client 'a' is offline$/);
  registry.unregister(clients[1]!);
  refuses(() => router.route(head("/?token=x"), PLAIN), 503, /^No active clients available$/);
});

Deno.test("route() shows no token that could not be an id", () => {
  const { router } = open(["a"]);
  for (const token of ["%3Cscript%3E", "a%0d%0ab", "", "a%20b"]) {
    refuses(
      () => router.route(head(`/?token=${token}`), PLAIN),
      404,
      /^Client '\(not a valid client id\)' not found$/,
    );
  }
});

Deno.test("a visitor without a token goes to the default client, if there is one", () => {
  const { router, registry, clients } = open(["a"], { defaultClient: "a" });
  ok(router.hasFallback);
  strictEqual(router.route(head("/"), PLAIN).client, clients[0]);
  strictEqual(router.fallback(), clients[0]);
  refuses(() => router.route(head("/?token=x"), PLAIN), 404, /not found/);
  registry.unregister(clients[0]!);
  refuses(() => router.route(head("/"), PLAIN), 503, /offline/);
  ok(!open(["a"]).router.hasFallback);
});

Deno.test("reach() finds the client that a protocol other than HTTP named", () => {
  const { router, registry, clients } = open(["a"]);
  strictEqual(router.reach({ token: "a" }), clients[0]);
  refuses(() => router.reach({ token: "x" }), 404, /not found/);
  registry.unregister(clients[0]!);
  refuses(() => router.reach({ token: "a" }), 503, /offline/);
});

Deno.test("admit() turns the visitor beyond the limit away; 0 is no limit", () => {
  const { router, clients } = open(["a"], { maxVisitors: 2 });
  const client: Client = clients[0]!;
  router.admit(client);
  client.visitors = 2;
  refuses(() => router.admit(client), 429, /too many visitors/);
  open([]).router.admit({ ...client, visitors: 1e6 });
});
