/**
 * The links of a client: the one by which visitors come, and those to servers that stop, which last
 * until the visitors there have been served.
 *
 * @module
 */

import { type Dial, getLogger, reason } from "@agentx/common";
import type { ClientConfig } from "./config.ts";
import type { Link } from "./link.ts";
import type { Tokens } from "./token/watch.ts";
import type { UntrustedError } from "./tls/untrusted.ts";
import { serveTunnel } from "./tunnel.ts";
import type { ServiceWatch } from "./watch.ts";

const log = getLogger(["arpc"]);

/** How much longer than it said a server that stops may take, in milliseconds. */
const OVERTIME_MS = 5000;
/** The grace of a server that does not tell, and the most that a timer stands, in seconds. */
const GRACE_S = 30;
const MAX_GRACE_S = 1e6;

/** What is done for a visitor, until told to stop. */
export type Asked = (now: AbortSignal) => Promise<void>;

/**
 * What became of a link: it ended; it was ended, since the server is to be told something else; or
 * its server stops, and the link goes on for the visitors that are there.
 */
export type LinkEnd = "ended" | "stale" | "draining";

/** What links have to do with. */
export interface LinksOptions {
  config: ClientConfig;
  /** How to reach the server's proxy port. */
  dial: Dial;
  watch: ServiceWatch;
  /** The visitor tokens of this machine, where there can be any. */
  tokens: Tokens | undefined;
  /** Runs what a server asked for. */
  spawn: (asked: Asked) => void;
}

/** All links of a client; disposing ends them. */
export class Links implements Disposable {
  readonly #all = new Set<Link>();
  /** To servers that stop. */
  readonly #leaving = new Set<Link>();
  #left = new AbortController();
  #over = false;

  constructor(private readonly options: LinksOptions) {}

  /** Whether a server that stops still has a link: until it has none, nobody may be in its place. */
  get leaving(): boolean {
    return this.#leaving.size > 0;
  }

  /** Aborts when the last server that stops has ended its link: another may soon be in its place. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /**
   * Serves a link, which it owns from now on.
   *
   * @returns what became of it; it is time for another one then.
   * @throws {UntrustedError} when whoever takes the tunnels is not the server.
   * @throws what {@link Link.serve} throws, unless the server stops.
   */
  async serve(link: Link): Promise<LinkEnd> {
    this.#all.add(link);
    if (this.#over) void link.leave();
    const told = Promise.withResolvers<number | undefined>();
    const ended = this.#hear(link, told.resolve).then(() => "ended" as const);
    const first = await Promise.race([ended, told.promise]);
    if (first === "ended") return this.#isStale(link) ? "stale" : first;
    log.info("The server is draining", { grace_s: first });
    if (!this.options.config.autoReconnect) return await ended;
    void this.#leave(link, ended, first ?? GRACE_S);
    return "draining";
  }

  /** Until a link to a server that stops has ended; how makes no difference. */
  async #leave(link: Link, ended: Promise<unknown>, graceSeconds: number): Promise<void> {
    if (this.#leaving.size === 0) this.#left = new AbortController();
    this.#leaving.add(link);
    const most = Math.min(graceSeconds, MAX_GRACE_S) * 1000 + OVERTIME_MS;
    const timer = setTimeout(() => link[Symbol.dispose](), most);
    try {
      await ended;
    } catch (error) {
      log.debug("A link to a server that stops was lost", { why: reason(error) });
    }
    clearTimeout(timer);
    this.#leaving.delete(link);
    if (this.#leaving.size === 0) this.#left.abort();
  }

  async #hear(link: Link, draining: (graceSeconds: number | undefined) => void): Promise<void> {
    const { config, dial, watch, tokens, spawn } = this.options;
    // Idle tunnels belong to this link: without it nobody would ever use them.
    const lost = new AbortController();
    let distrust: UntrustedError | undefined;
    const options = {
      proxy: { hostname: config.serverAddr, port: config.proxyPort },
      local: { hostname: config.localAddr, port: config.localPort },
      clientId: config.clientId,
      kind: link.tunnels,
      shared: link.sharedPorts,
      dialServer: dial,
      visited: (protocol: string | undefined) => watch.visited(protocol),
      // The server is to know that nobody can visit, rather than wait for tunnels.
      untrusted: (error: UntrustedError) => {
        if (distrust === undefined) void link.leave();
        distrust ??= error;
      },
    };
    const names = [config.clientId, ...config.aliases];
    const renew = () => {
      if (!this.#isStale(link)) {
        if (tokens?.key !== undefined) link.revoke(tokens.revoked(names));
      } else if (!this.#leaving.has(link)) void link.leave();
    };
    watch.found.addEventListener("abort", renew, { once: true });
    tokens?.changes.addEventListener("change", renew);
    try {
      renew();
      await link.serve({
        asked: ({ proxy_conn_id }) =>
          spawn((now) => serveTunnel(proxy_conn_id, options, { idle: lost.signal, now })),
        draining,
      });
      if (distrust !== undefined) throw distrust;
    } finally {
      watch.found.removeEventListener("abort", renew);
      tokens?.changes.removeEventListener("change", renew);
      lost.abort();
      link[Symbol.dispose]();
      this.#all.delete(link);
    }
  }

  /** Whether the server was told what is not true any more: then it is told anew. */
  #isStale(link: Link): boolean {
    const { watch, tokens } = this.options;
    const otherKey = link.welcome.visitor_tokens === true && link.visitorKey !== tokens?.key;
    return link.generation === 2 && (link.declared !== watch.words || otherKey);
  }

  /** Ends all links in order: the servers are told, and {@link Links.serve} returns. */
  leave(): void {
    this.#over = true;
    for (const link of this.#all) void link.leave();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const link of this.#all) link[Symbol.dispose]();
  }
}
