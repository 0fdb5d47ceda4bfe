/**
 * All connections of visitors, whichever port they came to: their limits, their end when they idle
 * too long or the server stops, and one log line each.
 *
 * @module
 */

import { closeQuietly, type Conn, type Logger, reason } from "@agentx/common";
import { isTls } from "@agentx/common/tls";
import type { PerAddress } from "./limits.ts";
import { Visitor } from "./visitor.ts";

/** Times in milliseconds; 0 is never. */
export interface VisitorsOptions {
  /** Without a byte either way, for a raw visitor. */
  idleTimeout: number;
  /** Without a byte either way, for an HTTP visitor. */
  httpIdleTimeout: number;
  /** Addresses of proxies that may say for whom they forward. */
  trustedProxies: ReadonlySet<string>;
}

/** A visitor being served. Whoever serves it replaces what there is to do in its case. */
export interface Live {
  readonly visitor: Visitor;
  protocol: string;
  /** For the log line at its end. */
  readonly fields: Record<string, unknown>;
  /** The server stops: ends at the next good moment. */
  drain(): void;
  /** Ends now. */
  abort(why: string): void;
  /** Gives back what a visitor between two requests does not need; false if there was nothing. */
  rest: (() => boolean) | undefined;
  /** Bytes at the last sweep that saw some move, and when that was. */
  bytes: number;
  at: number;
}

/** How long a visitor between two requests keeps its tunnel, in milliseconds. */
const REST_AFTER_MS = 1000;
/** Tunnels given back in one sweep at most: a crowd that falls silent must not hold up the others. */
const RESTS_PER_SWEEP = 250;

/** Visitors being served. */
export class Visitors {
  #live = new Set<Live>();
  #empty: PromiseWithResolvers<void> | undefined;
  #draining = false;

  constructor(
    private readonly perAddress: PerAddress,
    private readonly options: VisitorsOptions,
    private readonly log: Logger,
  ) {}

  /** How many there are. */
  get count(): number {
    return this.#live.size;
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
    turnAway: (conn: Conn) => void | Promise<void> = closeQuietly,
  ): Promise<void> {
    const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
    // A dual-stack listener shows IPv4 peers as IPv6.
    const address = { hostname: hostname.replace(/^::ffff:(?=\d+\.)/i, ""), port };
    const trusted = this.options.trustedProxies.has(address.hostname);
    if (!trusted && !this.perAddress.enter(address.hostname)) {
      this.log.debug("Address over its limit", { visitor: address.hostname });
      return await turnAway(conn);
    }
    const visitor = new Visitor(conn, address, trusted, isTls(conn));
    visitor.abort = (why) => live.abort(why);
    let aborted: string | undefined;
    const live: Live = {
      visitor,
      protocol: "unknown",
      fields: {},
      rest: undefined,
      bytes: 0,
      at: visitor.since,
      // Some browsers open connections that they may never use.
      drain: () => {
        if (live.protocol === "unknown" && visitor.peek.size === 0) live.abort("drained");
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
    if (!trusted) this.perAddress.leave(address.hostname);
    this.log.info("Visitor left", {
      visitor: visitor.name,
      protocol: live.protocol,
      ...live.fields,
      end,
      up: visitor.traffic.up,
      down: visitor.traffic.down,
      ms: Math.round(performance.now() - visitor.since),
    });
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
    }
  }

  /** Lets them finish; resolves when the last has gone, or after `ms` milliseconds. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    for (const live of this.#live) live.drain();
    if (this.#live.size === 0) return;
    this.#empty = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#empty?.resolve(), ms);
    await this.#empty.promise;
    clearTimeout(timer);
  }

  /** Ends them all. */
  async close(): Promise<void> {
    this.#draining = true;
    if (this.#live.size === 0) return;
    this.#empty = Promise.withResolvers<void>();
    for (const live of this.#live) live.abort("server stopped");
    await this.#empty.promise;
  }
}
