/**
 * What the admin port answers, path by path.
 *
 * @module
 */

import { getLogger } from "@agentx/common";
import { COOKIE, Denied } from "./access.ts";
import { bodyOf, json } from "./body.ts";
import { PAGE } from "./page.ts";
import { CONTENT_TYPE, prometheus } from "./prometheus.ts";
import type { SnapshotDeps } from "./snapshot.ts";
import type { Streams } from "./stream.ts";

const log = getLogger(["arps", "admin"]);

/** Longest ban in seconds: a year. */
const MAX_BAN_S = 365 * 86400;
/** Live visitors that are listed at most. */
const MAX_LIVE = 500;

/** What answers are made of. */
export interface Deps extends SnapshotDeps {
  readonly streams: Streams;
}

/** A request with what was found in its path. */
export interface Call {
  readonly request: Request;
  readonly address: string;
  /** Of a client or a visitor, if the path names one. */
  readonly name: string;
}

/** Answers a request that may be asked. */
export type Answer = (call: Call) => Response | Promise<Response>;

/** Who may ask: anybody, pages of this port and programs, or those with the key. */
export type For = "anybody" | "own" | "owner";

/** One path, by one method. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** `*` stands for a client's tag, or a visitor's number. */
  readonly path: string;
  readonly for: For;
  readonly answer: Answer;
}

/** Paths with a name in them. */
export const NAMED: RegExp = /^(\/api\/(?:bans|clients|visitors)\/)([^/]+)(\/.*)?$/;

/** The tag that a path names. Its mark would have to be written as `%23`, so it may be left out. */
const tagOf = (name: string) => `#${name.replace(/^%23/, "")}`;

/** All paths. */
export function routesOf(deps: Deps): readonly Route[] {
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
          refusals: monitor.refusals(),
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
      answer({ name }) {
        const tag = tagOf(name);
        const row = monitor.client(tag);
        if (row === undefined) return missing("client");
        return json({ ...row, history: monitor.history(server.stats.accounts.find(tag)) });
      },
    },
    {
      method: "POST",
      path: "/api/clients/*/kick",
      for: "owner",
      async answer({ request, address, name }) {
        const tag = tagOf(name);
        const { ban_s: ban = 0 } = await bodyOf(request);
        if (typeof ban !== "number" || !(ban >= 0 && ban <= MAX_BAN_S)) {
          throw new Denied(400, `ban_s: expected seconds, 0 to ${MAX_BAN_S}`);
        }
        if (!server.kick(tag, ban)) return missing("client");
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
    {
      method: "POST",
      path: "/api/visitors/*/kick",
      for: "owner",
      async answer({ request, address, name }) {
        await bodyOf(request);
        if (!/^\d+$/.test(name) || !server.endVisitor(Number(name))) return missing("visitor");
        log.info("Visitor kicked by the owner", { nth: Number(name), peer: address });
        return json({ kicked: Number(name) });
      },
    },
    {
      method: "GET",
      path: "/api/bans",
      for: "owner",
      answer: async () => {
        const now = Date.now();
        const bans = (await server.bans()).map(([tag, seconds]) => ({
          tag,
          comment: server.stats.accounts.find(tag)?.comment,
          until: now + seconds * 1000,
        }));
        return json({ bans: bans.sort((one, other) => one.until - other.until) });
      },
    },
    {
      method: "DELETE",
      path: "/api/bans/*",
      for: "owner",
      async answer({ address, name }) {
        const tag = tagOf(name);
        if (!await server.liftBan(tag)) return missing("ban");
        log.info("Ban lifted by the owner", { client: tag, peer: address });
        return json({ lifted: tag });
      },
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

function missing(what: string): Response {
  return json({ error: `There is no such ${what}` }, 404);
}
