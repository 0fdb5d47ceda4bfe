/**
 * All connections of visitors, whichever port they came to: their limits, their end when they idle
 * too long or the server stops, and one log line each.
 *
 * @module
 */

import { closeQuietly, type Conn, type Logger, reason, Seldom } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { isTls } from "@agentx/common/tls";
import { peerOf } from "./address.ts";
import type { PerAddress } from "./limits.ts";
import type { Client } from "./registry.ts";
import type { Stats, VisitorRecord } from "./stats.ts";
import type { Account } from "./stats/account.ts";
import { visitorEnd } from "./stats/ending.ts";
import { Visitor } from "./visitor.ts";

/** Times in milliseconds; 0 is never. */
export interface VisitorsOptions {
  /** Without a byte either way, for a raw visitor. */
  idleTimeout: number;
  /** Without a byte either way, for an HTTP visitor. */
  httpIdleTimeout: number;
  /** Addresses of proxies that may say for whom they forward. */
  trustedProxies: ReadonlySet<string>;
  /** Visitors at a time; 0 is no limit. */
  maxConnections: number;
}

const FULL = new Refusal(
  503,
  "This server has as many visitors as it may",
  "Try again shortly.",
  5,
);
const CROWDED = new Refusal(429, "Too many connections from your address", "Slow down.", 5);

/** A visitor being served. Whoever serves it replaces what there is to do in its case. */
export interface Live {
  /** Counts up. */
  readonly nth: number;
  readonly visitor: Visitor;
  protocol: string;
  /** Tags of the clients that it was let in to. */
  clients: readonly string[];
  /** By which visitor tokens it came. */
  visitorToken?: string | undefined;
  /** The server stops: the visitor hears so when it is served next, and ends now if it was quiet. */
  drain(quiet: boolean): void;
  /** Ends now. */
  abort(why: string): void;
  /** HTTP requests so far. */
  requests?: () => number;
  /** Gives back what a visitor between two requests does not need; false if there was nothing. */
  rest: (() => boolean) | undefined;
  /** Bytes at the last sweep that saw some move, and when that was. */
  bytes: number;
  at: number;
}

/** How long a visitor between two requests keeps its tunnel, in milliseconds. */
const REST_AFTER_MS = 1000;
/** How long one may be quiet when the server stops: a request of it may be on its way. */
const LEAVE_AFTER_MS = 2000;
/** How often that is looked at, in milliseconds. */
const LEAVE_SWEEP_MS = 250;
/** Tunnels given back in one sweep at most: a crowd that falls silent must not hold up the others. */
const RESTS_PER_SWEEP = 250;

/** Visitors being served. */
export class Visitors {
  #live = new Set<Live>();
  #empty: PromiseWithResolvers<void> | undefined;
  #draining = false;
  readonly #seldom: Seldom;

  constructor(
    private readonly perAddress: PerAddress,
    private readonly options: VisitorsOptions,
    private readonly log: Logger,
    private readonly stats: Stats,
  ) {
    this.#seldom = new Seldom(log);
  }

  /** Those being served, the newest last. */
  get live(): Iterable<Live> {
    return this.#live;
  }

  /** How many there are. */
  get count(): number {
    return this.#live.size;
  }

  /** What is counted of the clients that they are with, or were with last. */
  get accounts(): ReadonlySet<Account> {
    const accounts = new Set<Account>();
    for (const { visitor: { client } } of this.#live) {
      if (client !== undefined) accounts.add(client.account);
    }
    return accounts;
  }

  /** Whether the server stops. */
  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Serves a connection within the limits of its address, and logs how it ended.
   *
   * @param serve returns how it ended.
   * @param turnAway closes a connection that is over a limit.
   */
  async welcome(
    conn: Conn,
    serve: (live: Live) => Promise<string>,
    turnAway: (conn: Conn, why: Refusal) => void | Promise<void> = closeQuietly,
  ): Promise<void> {
    const address = peerOf(conn);
    const trusted = this.options.trustedProxies.has(address.hostname);
    const { maxConnections } = this.options;
    if (maxConnections > 0 && this.#live.size >= maxConnections) {
      this.#seldom.warning("Too many visitors at a time", { limit: maxConnections });
      this.stats.refusals.add("unknown 503");
      return await turnAway(conn, FULL);
    }
    const place = trusted ? undefined : this.perAddress.enter(address.hostname);
    if (!trusted && place === undefined) {
      this.#seldom.warning("Address over its limit", { visitor: address.hostname });
      this.stats.refusals.add("unknown 429");
      return await turnAway(conn, CROWDED);
    }
    const visitor = new Visitor(conn, address, trusted, isTls(conn));
    visitor.abort = (why) => live.abort(why);
    visitor.refused = (status) => {
      // To leave a token behind in a cookie, it is only sent on.
      if (status >= 400) this.stats.refusals.add(`${live.protocol} ${status}`);
      if (status === 502) visitor.client?.account.fail();
    };
    let aborted: string | undefined;
    const live: Live = {
      nth: this.stats.nextVisitor(),
      visitor,
      protocol: "unknown",
      clients: [],
      rest: undefined,
      bytes: 0,
      at: visitor.since,
      // Some browsers open connections that they may never use.
      drain: (quiet) => {
        const silent = live.protocol === "unknown" && visitor.peek.size === 0;
        if (quiet && silent) live.abort("drained");
      },
      abort: (why) => {
        aborted = why;
        closeQuietly(conn);
      },
    };
    this.#live.add(live);
    let end: string;
    try {
      end = await serve(live);
    } catch (error) {
      end = aborted ?? `failed: ${reason(error)}`;
    }
    closeQuietly(conn);
    this.#live.delete(live);
    if (this.#live.size === 0) this.#empty?.resolve();
    if (place !== undefined) this.perAddress.leave(place);
    const ms = Math.round(performance.now() - visitor.since);
    this.log.info("Visitor left", {
      visitor: visitor.name,
      protocol: live.protocol,
      client: live.clients.join(" ") || undefined,
      requests: live.requests?.(),
      visitor_token: live.visitorToken,
      end,
      up: visitor.traffic.up,
      down: visitor.traffic.down,
      ms,
    });
    if (visitor.client !== undefined) visitor.client.account.served++;
    this.stats.visitorLeft(() => recordOf(live, end, ms), live.protocol, visitorEnd(end), ms);
  }

  /** Ends one of them; false if it is not here. */
  end(nth: number, why: string): boolean {
    for (const live of this.#live) {
      if (live.nth !== nth) continue;
      live.abort(why);
      return true;
    }
    return false;
  }

  /** Ends those that are with a client, whichever of its registrations they came by. */
  abortOf(client: Pick<Client, "id">, why: string): void {
    for (const { visitor } of this.#live) if (visitor.client?.id === client.id) visitor.abort(why);
  }

  /** Every second or so: ends visitors that idle too long. */
  sweep(now: number = performance.now()): void {
    let rests = RESTS_PER_SWEEP;
    const { idleTimeout, httpIdleTimeout } = this.options;
    for (const live of this.#live) {
      const { up, down } = live.visitor.traffic;
      const limit = live.protocol === "http" ? httpIdleTimeout : idleTimeout;
      if (up + down !== live.bytes) {
        live.bytes = up + down;
        live.at = now;
        continue;
      }
      if (rests > 0 && now - live.at > REST_AFTER_MS && live.rest?.()) rests--;
      if (limit > 0 && now - live.at > limit) live.abort("idle timeout");
      if (this.#draining && now - live.at > LEAVE_AFTER_MS) live.drain(true);
    }
  }

  /**
   * Ends those of clients whose link died of silence and who have not come back: if no byte moves for
   * `ms` milliseconds more, nobody is at the other end of their tunnels either. Their connections would
   * tell so in some hours.
   */
  endVanished(
    isOnline: (id: string) => boolean,
    ms: number,
    now: number = performance.now(),
  ): void {
    for (const { visitor, at, abort } of this.#live) {
      const { id = "", vanished = now } = visitor.client ?? {};
      if (now - Math.max(at, vanished) <= ms || isOnline(id) || visitor.resting()) continue;
      abort("client vanished");
    }
  }

  /**
   * Lets them finish, and those that come until the ports are closed.
   *
   * @returns when the last has gone, or after `ms` milliseconds.
   */
  async drain(ms: number, closed: Promise<unknown>): Promise<void> {
    this.#draining = true;
    const now = performance.now();
    for (const live of this.#live) {
      live.at = now;
      live.drain(false);
    }
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, ms);
    const sweeps = setInterval(() => this.sweep(), LEAVE_SWEEP_MS);
    await Promise.race([closed, late.promise]);
    if (this.#live.size > 0) {
      this.#empty ??= Promise.withResolvers<void>();
      await Promise.race([this.#empty.promise, late.promise]);
    }
    clearTimeout(timer);
    clearInterval(sweeps);
  }

  /** Ends them all. */
  async close(): Promise<void> {
    this.#draining = true;
    if (this.#live.size === 0) return;
    this.#empty ??= Promise.withResolvers<void>();
    for (const live of this.#live) live.abort("server stopped");
    await this.#empty.promise;
  }
}

/** What is told of a visitor that has left. */
function recordOf(
  { nth, visitor, protocol, clients, requests }: Live,
  end: string,
  ms: number,
): VisitorRecord {
  const until = Date.now();
  return {
    nth,
    since: until - ms,
    until,
    address: visitor.name,
    protocol,
    clients,
    requests: requests?.(),
    up: visitor.traffic.up,
    down: visitor.traffic.down,
    end,
  };
}
