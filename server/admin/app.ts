/**
 * The admin port as an HTTP application; it opens no socket.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { type Access, COOKIE, Denied } from "./access.ts";
import type { App } from "./exchanges.ts";
import type { Monitor } from "./monitor.ts";
import { PAGE } from "./page.ts";
import { CONTENT_TYPE, prometheus } from "./prometheus.ts";
import { NUMBERS } from "./rows.ts";
import type { Sources } from "./served.ts";
import type { Streams } from "./stream.ts";

const log = getLogger(["arps", "admin"]);

/** Largest body of a request in bytes. */
const MAX_BODY = 4096;
/** Longest ban in seconds: a year. */
const MAX_BAN_S = 365 * 86400;
/** Live visitors that are listed at most. */
const MAX_LIVE = 500;
/** Clients whose recent rates the first answer of a stream has. */
const MAX_HISTORIES = 1000;
/** Seconds of them. */
const ROW_SECONDS = 60;

/** What the application is made of. */
export interface Deps extends Sources {
  readonly access: Access;
  readonly monitor: Monitor;
  /** What clients need to register. */
  readonly needs: { readonly tls: boolean; readonly token: boolean };
  readonly streams: Streams;
}

/** A request with what was found in its path. */
interface Call {
  readonly request: Request;
  readonly address: string;
  /** Of a client, if the path names one. */
  readonly tag: string;
}

type Answer = (call: Call) => Response | Promise<Response>;

/** Who may ask: anybody, pages of this port and programs, or those with the key. */
type For = "anybody" | "own" | "owner";

interface Route {
  readonly method: "GET" | "POST";
  /** `*` stands for a client's tag. */
  readonly path: string;
  readonly for: For;
  readonly answer: Answer;
}

/** For everything but the page, which brings a policy of its own. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** How things stand, as a stream begins. */
export function snapshot(
  { server, version, monitor, access, needs }: Omit<Deps, "streams">,
): unknown {
  const { stats, ports } = server;
  const clients = monitor.clients();
  const histories: Record<string, number[][]> = {};
  for (const { tag } of clients.slice(0, MAX_HISTORIES)) {
    const { up, down } = monitor.history(stats.accounts.find(tag), ROW_SECONDS);
    if (up.length > 0 || down.length > 0) histories[tag] = [up, down];
  }
  return {
    server: { version, since: stats.since, ports, needs_key: access.needsKey, clients_need: needs },
    second: monitor.second,
    history: monitor.history(),
    numbers: NUMBERS,
    clients,
    histories,
    visitors: monitor.recent().slice(0, 100),
    events: monitor.events().slice(0, 100),
  };
}

/** Makes the application. */
export function createApp(deps: Deps): App {
  const routes = routesOf(deps);
  return async (request, address) => {
    let response: Response;
    try {
      response = await find(routes, deps.access, request, address);
    } catch (error) {
      response = refusal(error, request, address);
    }
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!response.headers.has(name)) response.headers.set(name, value);
    }
    if (request.method !== "HEAD") return response;
    await response.body?.cancel();
    return new Response(null, response);
  };
}

async function find(
  routes: readonly Route[],
  access: Access,
  request: Request,
  address: string,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const [, before, name, after = ""] = /^(\/api\/clients\/)([^/]+)(\/.*)?$/.exec(pathname) ?? [];
  const path = name === undefined ? pathname : `${before}*${after}`;
  const here = routes.filter((route) => route.path === path);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = here.find((route) => route.method === method);
  const asking = { method: request.method, headers: request.headers, address };
  if (route?.for !== "anybody") access.checkOrigin(asking);
  if (here.length === 0) return json({ error: "There is no such path" }, 404);
  if (route === undefined) {
    const allow = here.map(({ method }) => method).join(", ");
    return json({ error: `Use ${allow} here` }, 405, { allow });
  }
  if (route.for === "owner") access.checkKey(asking);
  // Its mark would have to be written as `%23`, so it may be left out.
  const tag = name === undefined ? "" : `#${name.replace(/^(?:#|%23)/, "")}`;
  return await route.answer({ request, address, tag });
}

function routesOf(deps: Deps): readonly Route[] {
  const { access, monitor, server, streams, version } = deps;
  const metrics = prometheus(deps);
  return [
    { method: "GET", path: "/healthz", for: "anybody", answer: () => new Response("ok\n") },
    {
      method: "GET",
      path: "/readyz",
      for: "anybody",
      answer: () =>
        server.draining ? new Response("draining\n", { status: 503 }) : new Response("ok\n"),
    },
    // The page holds nothing of this server; what it shows it asks for, with the key.
    { method: "GET", path: "/", for: "own", answer: page },
    {
      method: "POST",
      path: "/api/login",
      for: "own",
      async answer({ request, address }) {
        const { key } = await bodyOf(request);
        if (typeof key !== "string") throw new Denied(400, "key: expected the admin key");
        const { cookie, page } = access.login(key, address);
        // With TLS of its own, or of a proxy: then the page knows it alone.
        const secure = [request.url, request.headers.get("origin")]
          .some((url) => url?.startsWith("https:"));
        return json({ session: page }, 200, {
          "set-cookie": `${COOKIE}=${cookie}; Path=/; HttpOnly; SameSite=Strict${
            secure ? "; Secure" : ""
          }`,
        });
      },
    },
    {
      method: "POST",
      path: "/api/logout",
      for: "own",
      answer({ request }) {
        access.logout(request.headers);
        return json({}, 200, {
          "set-cookie": `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`,
        });
      },
    },
    {
      method: "GET",
      path: "/metrics",
      for: "owner",
      answer: async () =>
        new Response(await metrics(), { headers: { "content-type": CONTENT_TYPE } }),
    },
    {
      method: "GET",
      path: "/api/server",
      for: "owner",
      answer: () =>
        json({
          version,
          since: server.stats.since,
          ports: server.ports,
          ...monitor.second,
          history: monitor.history(),
        }),
    },
    {
      method: "GET",
      path: "/api/clients",
      for: "owner",
      answer: () => json({ clients: monitor.clients() }),
    },
    {
      method: "GET",
      path: "/api/clients/*",
      for: "owner",
      answer({ tag }) {
        const row = monitor.client(tag);
        if (row === undefined) return unknown();
        return json({ ...row, history: monitor.history(server.stats.accounts.find(tag)) });
      },
    },
    {
      method: "POST",
      path: "/api/clients/*/kick",
      for: "owner",
      async answer({ request, address, tag }) {
        const { ban_s: ban = 0 } = await bodyOf(request);
        if (typeof ban !== "number" || !(ban >= 0 && ban <= MAX_BAN_S)) {
          throw new Denied(400, `ban_s: expected seconds, 0 to ${MAX_BAN_S}`);
        }
        if (!server.kick(tag, ban)) return unknown();
        log.info("Client kicked by the owner", { client: tag, ban_s: ban, peer: address });
        return json({ kicked: tag, ban_s: ban });
      },
    },
    {
      method: "GET",
      path: "/api/visitors",
      for: "owner",
      answer: () => json({ live: monitor.live(MAX_LIVE), recent: monitor.recent() }),
    },
    { method: "GET", path: "/api/events", for: "owner", answer: () => watch(streams) },
  ];
}

function page(): Response {
  return new Response(PAGE.html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE.policy,
    },
  });
}

function watch(streams: Streams): Response {
  const stream = streams.open();
  if (stream === undefined) {
    return json({ error: "Too many watch already" }, 503, { "retry-after": "10" });
  }
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers });
}

function unknown(): Response {
  return json({ error: "There is no such client" }, 404);
}

/** What an error says to who asked. */
function refusal(error: unknown, request: Request, address: string): Response {
  if (!(error instanceof Denied)) {
    log.error("Request failed", { method: request.method, error: reason(error) });
    return json({ error: "Something went wrong here; the log says what" }, 500);
  }
  const { status, message, retryAfter } = error;
  if (status === 429) log.warning("Too many wrong admin keys", { peer: address });
  return json({ error: message }, status, {
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="arps"' } : {}),
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
  });
}

/**
 * The JSON object of a request, `{}` when it has no body.
 *
 * @throws {Denied} when it is anything else; a form of a foreign page cannot say that it is JSON.
 */
async function bodyOf({ body, headers }: Request): Promise<Record<string, unknown>> {
  const text = await limited(body);
  if (text === "") return {};
  if (!/^application\/json\b/i.test(headers.get("content-type") ?? "")) {
    throw new Denied(415, "The body must be JSON, with Content-Type: application/json");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch { /* see below */ }
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new Denied(400, "The body must be a JSON object");
}

async function limited(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_BODY) throw new Denied(413, `The body is longer than ${MAX_BODY} bytes`);
  }
  return text + decoder.decode();
}
