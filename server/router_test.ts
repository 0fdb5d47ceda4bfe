import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { HeadScanner, parseRequestHead, Refusal, type RequestHead } from "@agentx/common/http";
import { FakeConn } from "../common/testdata/conn.ts";
import { type Client, Registry } from "./registry.ts";
import { type Route, Router, type RouterOptions } from "./router.ts";
import { Settle } from "./settle.ts";
import type { Destination } from "./sniff/mod.ts";
import { Visitor } from "./visitor.ts";
import { Signer } from "./visitor_token/testdata/signer.ts";

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };

/** A router, and clients of these ids. */
function open(ids: string[], options: Partial<RouterOptions> = {}) {
  const registry = new Registry(POOL, "replace");
  const clients = ids.map((client_id) => {
    const channel = new Channel(new Peek(new FakeConn()));
    return registry.register({ type: "Register", client_id, version: 2 }, "#", channel).client;
  });
  return { registry, clients, router: new PlainRouter(registry, { maxVisitors: 0, ...options }) };
}

/** A router, and clients that sign visitor tokens, all by one key. */
async function scene(settle?: Settle, options: Partial<RouterOptions> = {}) {
  const registry = new Registry(POOL, "replace");
  const router = new Router(registry, { maxVisitors: 0, ...options }, settle);
  const signer = await Signer.make();
  const register = (client_id: string, require_token: boolean) => {
    const channel = new Channel(new Peek(new FakeConn()));
    const command = { type: "Register", client_id, version: 2, require_token } as const;
    const facts = { ...command, visitor_key: signer.key };
    const { client } = registry.register(facts, "#", channel);
    router.tokens.registered(client);
    return client;
  };
  return { registry, router, signer, register };
}

/** A client that needs a token, one that may be used once, and two other clients. */
async function openClosed(options: Partial<RouterOptions> = {}) {
  const { router, signer, register } = await scene(undefined, options);
  const client = register("mine", true);
  register("closed", true);
  register("open", false);
  return { router, client, token: await signer.sign("mine", { uses: 1, exp: 9e9 }) };
}

/** Only a visitor token makes it wait. */
class PlainRouter extends Router {
  override route(head: RequestHead, visitor: Visitor): Route {
    const route = super.route(head, visitor);
    ok(!(route instanceof Promise));
    return route;
  }

  override reach(to: Destination, visitor = PLAIN): Client {
    const client = super.reach(to, visitor);
    ok(!(client instanceof Promise));
    return client;
  }
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

/** A request to a host. */
function at(host: string, target: string, ...lines: string[]): RequestHead {
  const text = [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n");
  const bytes = new TextEncoder().encode(text);
  return parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
}

const PAGE = "Accept: text/html";
/** Names the client `b` wherever a token may stand. */
const LURES: [target: string, ...lines: string[]][] = [
  ["/?token=b", PAGE],
  ["/?token=b/sub", PAGE],
  ["/", "X-ARP-Token: b"],
  ["/", "Referer: http://a.example.com/?token=b"],
  ["/", "Cookie: arp_token=b"],
  ["/?token=b", "Connection: Upgrade", "Upgrade: websocket"],
  ["/?token=b", "Connection: Upgrade", "Upgrade: arp"],
];

Deno.test("at a host name under the domain nothing leads to another client", () => {
  const options = { domain: "example.com", defaultClient: "b" };
  const { router, registry, clients } = open(["a", "b"], options);
  for (const [target, ...lines] of LURES) {
    const { client, lines: added, target: other } = router.route(
      at("A.example.com.:80", target, ...lines),
      PLAIN,
    );
    deepStrictEqual([client, added, other], [clients[0], "", undefined], target);
    const bare = at("example.com", target, ...lines);
    if (!lines[0]?.startsWith("Referer")) strictEqual(router.route(bare, PLAIN).client, clients[1]);
    refuses(() => router.route(at("x.example.com", target, ...lines), PLAIN), 404, /'x' not found/);
  }
  registry.unregister(clients[0]!);
  for (const [target, ...lines] of LURES) {
    refuses(
      () => router.route(at("a.example.com", target, ...lines), PLAIN),
      503,
      /'a' is offline/,
    );
  }
});

Deno.test("at a host name under the domain a visitor token opens that client alone", async () => {
  const { router, signer, register } = await scene(undefined, { domain: "example.com" });
  const client = register("a", false);
  const closed = register("c", true);
  register("b", false);
  const token = await signer.sign("b", { exp: 9e9, uses: 1 });
  const lures = (host: string): [target: string, ...lines: string[]][] => [
    [`/?token=${token}`, PAGE],
    [`/?token=${token}/sub`, PAGE],
    ["/", `X-ARP-Token: ${token}`],
    ["/", `Referer: http://${host}/?token=${token}`],
    ["/", `Cookie: arp_token=${token}`],
  ];
  const routes = (host: string) =>
    lures(host).map(([target, ...lines]) => () =>
      router.route(at(host, target, ...lines), visitor())
    );
  for (const route of routes("a.example.com")) {
    const { client: reached, lines, target } = await route();
    deepStrictEqual([reached, lines, target], [client, "", "/"]);
  }
  for (const route of routes("c.example.com")) await refused(route(), 401, /not for the client/);
  for (const route of routes("x.example.com")) refuses(route, 404, /'x' not found/);
  const own = await signer.sign("c", { exp: 9e9, path: ["/docs"] });
  const both = [`X-ARP-Token: ${token}`, `Cookie: arp_token=${own}`];
  const route = await router.route(at("c.example.com", "/docs", ...both), visitor());
  deepStrictEqual([route.client, route.forwarded.limits?.path], [closed, ["/docs"]]);
  await refused(
    router.route(at("c.example.com", `/docs?token=${own}`, PAGE), visitor()),
    303,
    /without the token/,
  );
  strictEqual(
    (await router.route(at("example.com", `/?token=${token}`), visitor())).client.id,
    "b",
  );
});

Deno.test("a visitor token of another client holds nobody up at a host name", async () => {
  const settle = new Settle({ ms: 60_000, queue: 1 });
  const { router, signer, register } = await scene(settle, { domain: "example.com" });
  const client = register("a", false);
  const one = visitor();
  const request = at(
    "a.example.com",
    "/",
    `X-ARP-Token: ${await signer.sign("late", { exp: 9e9 })}`,
  );
  strictEqual((await settle.until(one, () => router.route(request, one))).client, client);
  settle.end();
});

Deno.test("route() hides from a service which other clients a request names", () => {
  const { router, registry, clients } = open(["a", "b", "gone"]);
  registry.unregister(clients[2]!);
  const hidden = (target: string, ...lines: string[]) =>
    router.route(head(target, ...lines), PLAIN).forwarded.others;
  const referer = (query: string) => `Referer: http://proxy/?${query}`;
  deepStrictEqual(hidden("/?token=a", referer("token=b"), "X-ARP-Token: gone"), ["b", "gone"]);
  deepStrictEqual(
    hidden("/?token=a", referer("token=a&token=of-the-app"), "X-ARP-Token: a"),
    undefined,
  );
  deepStrictEqual(hidden("/?token=a", "Referer: http://other/?token=b"), undefined);
  const alias = open(["a"], {});
  const channel = new Channel(new Peek(new FakeConn()));
  alias.registry.register(
    { type: "Register", client_id: "b", version: 2, aliases: ["c"] },
    "#",
    channel,
  );
  const own = head("/?token=c", referer("token=b"), "X-ARP-Token: c");
  strictEqual(alias.router.route(own, PLAIN).forwarded.others, undefined, "its own names");
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

Deno.test("reach() takes a vague name for no name where nobody has it", () => {
  const { router, registry, clients } = open(["a", "b"], { defaultClient: "a" });
  strictEqual(router.reach({ token: "b", vague: true }), clients[1]);
  strictEqual(router.reach({ token: "www", vague: true }), clients[0]);
  strictEqual(router.reach(undefined), clients[0]);
  refuses(() => router.reach({ token: "www" }), 404, /not found/);
  registry.unregister(clients[1]!);
  refuses(() => router.reach({ token: "b", vague: true }), 503, /offline/);
  refuses(() => open(["a"]).router.reach({ token: "www", vague: true }), 404, /not found/);
});

Deno.test("reach() tries a name as it was typed, then without its case", () => {
  const { router, registry, clients } = open(["App", "app", "api"]);
  const reach = (token: string) => router.reach({ token, folded: token.toLowerCase() });
  strictEqual(reach("App"), clients[0]);
  strictEqual(reach("app"), clients[1]);
  strictEqual(reach("API"), clients[2]);
  refuses(() => reach("Www"), 404, /^Client 'Www' not found$/);
  registry.unregister(clients[2]!);
  refuses(() => reach("API"), 503, /^Client 'api' is offline$/);
});

Deno.test("reach() finds the client of a live session", () => {
  const { router, clients } = open(["a", "b"]);
  {
    using _ = router.sessions.enter("key", clients[1]!);
    strictEqual(router.reach({ session: "key" }), clients[1]);
  }
  refuses(() => router.reach({ session: "key" }), 404, /session/);
});

Deno.test("reach() finds the client that a visitor may want to be beside, or the default", () => {
  const { router, clients } = open(["a", "b"], { defaultClient: "a" });
  {
    using _ = router.sessions.enter("key", clients[1]!);
    strictEqual(router.reach({ beside: "key" }), clients[1]);
  }
  strictEqual(router.reach({ beside: "key" }), clients[0]);
  refuses(() => open(["a"]).router.reach({ beside: "key" }), 404, /not found/);
});

Deno.test("reach() finds the client of a session that outlived its registration", () => {
  const { router, registry, clients } = open(["a", "b"]);
  const [client] = clients;
  using _ = router.sessions.enter("key", client!);
  registry.unregister(client!);
  strictEqual(router.reach({ session: "key" }), client, "whose pool says that it is offline");
  const channel = new Channel(new Peek(new FakeConn()));
  const again = registry.register({ type: "Register", client_id: "a" }, "#", channel).client;
  strictEqual(router.reach({ session: "key" }), again);
});

Deno.test("admit() turns the visitor beyond the limit away; 0 is no limit", () => {
  const { router, clients } = open(["a"], { maxVisitors: 2 });
  const client: Client = clients[0]!;
  router.admit(client);
  client.visitors = 2;
  refuses(() => router.admit(client), 429, /too many visitors/);
  open([]).router.admit({ ...client, visitors: 1e6 });
});

/** Waits for a refusal. */
function refused(routed: unknown, status: number, message: RegExp): Promise<void> {
  return rejects(Promise.resolve(routed), (error) => {
    ok(error instanceof Refusal, String(error));
    strictEqual(error.status, status);
    match(error.message, message);
    return true;
  });
}

Deno.test("a token beside the name of another closed client opens neither, and loses no use", async () => {
  const { router, client, token } = await openClosed();
  const routed = (target: string, ...lines: string[]) =>
    router.route(head(target, ...lines), visitor());
  const header = `X-ARP-Token: ${token}`;
  await refused(routed("/?token=closed", header), 401, /not for the client that is named/);
  strictEqual((await routed("/?token=mine", header)).client, client);
  await refused(routed("/", header), 401, /used up/);
});

Deno.test("who comes by a token before its client is back waits for that one, and for no other", async () => {
  const settle = new Settle({ ms: 60_000, queue: 1 });
  const { registry, router, signer, register } = await scene(settle);
  const visit = async (client: string) => {
    const one = visitor();
    const request = head("/", `X-ARP-Token: ${await signer.sign(client, { exp: 9e9 })}`);
    return await settle.until(one, () => router.route(request, one));
  };
  const waiting = visit("late");
  const other = visit("never");
  register("here", false);
  await router.tokens.ready;
  await refused(visit("late"), 404, /is not here/);
  const client = register("late", false);
  strictEqual((await waiting).client, client);
  registry.unregister(client);
  const back = visit("late");
  await refused(visit("never"), 404, /is not here/);
  const again = register("late", false);
  settle.arrived(again.tokens);
  strictEqual((await back).client, again);
  settle.end();
  await refused(other, 404, /is not here/);
});

Deno.test("a visitor beyond the limit loses no use of its token, and is led nowhere else", async () => {
  const { router, client, token } = await openClosed({ maxVisitors: 1 });
  const request = head("/", `X-ARP-Token: ${token}`, "Cookie: arp_token=open");
  client.visitors = 1;
  await refused(router.route(request, visitor()), 429, /too many visitors/);
  await refused(router.reach({ token }, visitor()), 429, /too many visitors/);
  client.visitors = 0;
  const first = visitor();
  strictEqual((await router.route(request, first)).client, client);
  client.visitors = 1;
  first.joins(client);
  strictEqual((await router.route(request, first)).client, client, "it is that one visitor");
});
