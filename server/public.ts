/**
 * The public port: accept, sniff, route, serve, and one log line that says how it ended.
 *
 * @module
 */

import {
  closeQuietly,
  type Conn,
  getLogger,
  type Listener,
  Peek,
  reason,
  writeAll,
} from "@agentx/common";
import { acceptLoop } from "./accept.ts";
import { answer } from "./http/answer.ts";
import { HttpError } from "./http/error.ts";
import { HttpSession } from "./http/session.ts";
import type { PerAddress } from "./limits.ts";
import { linger } from "./linger.ts";
import { serveRaw } from "./raw.ts";
import type { Client } from "./registry.ts";
import type { Router } from "./router.ts";
import { sniff, type Verdict } from "./sniff/mod.ts";
import { Visitor } from "./visitor.ts";

/** Times of the public port in milliseconds; 0 is never. */
export interface PublicOptions {
  /** For the first bytes, and for each later head. */
  headTimeout: number;
  /** Without a byte either way, for a raw visitor. */
  idleTimeout: number;
  /** Without a byte either way, for an HTTP visitor. */
  httpIdleTimeout: number;
  /** Addresses of proxies that may say for whom they forward. */
  trustedProxies: ReadonlySet<string>;
}

/** A visitor being served. */
interface Live {
  visitor: Visitor;
  protocol: string;
  /** Bytes at the last sweep that saw some move, and when that was. */
  bytes: number;
  at: number;
  drain(): void;
  abort(why: string): void;
  /** Gives back what a visitor between two requests does not need; false if there was nothing. */
  rest?(): boolean;
}

/** How long a visitor between two requests keeps its tunnel, in milliseconds. */
const REST_AFTER_MS = 1000;
/** Tunnels given back in one sweep at most: a crowd that falls silent must not hold up the others. */
const RESTS_PER_SWEEP = 250;

const log = getLogger(["arps", "public"]);

/** All visitors. */
export class PublicPort {
  #live = new Set<Live>();
  #empty: PromiseWithResolvers<void> | undefined;
  #draining = false;

  constructor(
    private readonly listener: Listener,
    private readonly router: Router,
    private readonly perAddress: PerAddress,
    private readonly options: PublicOptions,
  ) {}

  /** Visitors being served. */
  get visitors(): number {
    return this.#live.size;
  }

  /** Accepts until {@link PublicPort.drain} or {@link PublicPort.close}. */
  run(): Promise<void> {
    return acceptLoop(this.listener, log, (conn) => void this.#welcome(conn));
  }

  /** Accepts no more; resolves when the last visitor has gone, or after `ms` milliseconds. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    this.listener.close();
    for (const live of this.#live) live.drain();
    if (this.#live.size === 0) return;
    this.#empty = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#empty?.resolve(), ms);
    await this.#empty.promise;
    clearTimeout(timer);
  }

  /** Ends every visitor. */
  async close(): Promise<void> {
    if (!this.#draining) this.listener.close();
    this.#draining = true;
    if (this.#live.size === 0) return;
    this.#empty = Promise.withResolvers<void>();
    for (const live of this.#live) live.abort("server stopped");
    await this.#empty.promise;
  }

  /** Every second or so: ends visitors that idle too long. */
  sweep(now: number = performance.now()): void {
    let rests = RESTS_PER_SWEEP;
    for (const live of this.#live) {
      const { up, down } = live.visitor.traffic;
      const { idleTimeout, httpIdleTimeout } = this.options;
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

  async #welcome(conn: Conn): Promise<void> {
    const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
    // A dual-stack listener shows IPv4 peers as IPv6.
    const address = { hostname: hostname.replace(/^::ffff:(?=\d+\.)/i, ""), port };
    const trusted = this.options.trustedProxies.has(address.hostname);
    if (!trusted && !this.perAddress.enter(address.hostname)) return this.#turnAway(conn, address);
    const visitor = new Visitor(conn, address, trusted);
    let aborted: string | undefined;
    const live: Live = {
      visitor,
      protocol: "unknown",
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
    const fields: Record<string, unknown> = {};
    try {
      fields.end = await this.#serve(live, fields);
    } catch (error) {
      fields.end = aborted ?? `failed: ${reason(error)}`;
    }
    closeQuietly(conn);
    this.#live.delete(live);
    if (this.#live.size === 0) this.#empty?.resolve();
    if (!trusted) this.perAddress.leave(address.hostname);
    log.info("Visitor left", {
      visitor: visitor.name,
      protocol: live.protocol,
      ...fields,
      up: visitor.traffic.up,
      down: visitor.traffic.down,
      ms: Math.round(performance.now() - visitor.since),
    });
  }

  async #serve(
    live: Live,
    fields: Record<string, unknown>,
  ): Promise<string> {
    const { visitor } = live;
    const verdict = await this.#sniff(visitor);
    if (typeof verdict === "string") return verdict;
    if (verdict.kind === "http") {
      live.protocol = "http";
      const session = new HttpSession(visitor, this.router, this.options);
      live.drain = () => session.drain();
      live.abort = (why) => session.abort(why);
      live.rest = () => session.rest();
      if (this.#draining) session.drain();
      try {
        return await session.run();
      } finally {
        fields.client = [...session.clients].join(" ") || undefined;
        fields.requests = session.requests;
      }
    }
    let client: Client;
    try {
      client = verdict.kind === "raw" ? this.router.named(verdict.token) : this.router.fallback();
      this.router.admit(client);
    } catch (error) {
      // Its message may name a client.
      if (error instanceof HttpError) return `refused: ${error.status}`;
      throw error;
    }
    live.protocol = verdict.kind === "raw" ? verdict.protocol : "raw";
    fields.client = client.tag;
    const ended = new AbortController();
    const { abort } = live;
    live.abort = (why) => {
      abort(why);
      ended.abort();
    };
    const end = await serveRaw(visitor, client, live.protocol, ended.signal);
    if (end === "aborted") throw new Error(end);
    return end;
  }

  /** What the visitor speaks, or how it ended before that was known. */
  async #sniff(visitor: Visitor): Promise<Verdict | string> {
    const { peek } = visitor;
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), this.options.headTimeout);
    try {
      for (;;) {
        const more = await Promise.race([peek.fill(), late.promise]);
        if (more === false) return peek.size === 0 ? "left without a word" : "left unrecognised";
        if (more === "late") {
          if (peek.size > 0) return await this.#answerLate(visitor);
          // Perhaps it waits for the service to speak first; if not, nobody else will serve it.
          return this.router.hasFallback ? { kind: "no" } : "stayed silent";
        }
        const verdict = sniff(peek.bytes);
        if (verdict.kind !== "more") {
          return verdict.kind === "no" && !this.router.hasFallback
            ? "protocol not recognised"
            : verdict;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #answerLate(visitor: Visitor): Promise<string> {
    const error = new HttpError(
      408,
      `The request's head did not come within ${this.options.headTimeout / 1000} s`,
    );
    await writeAll(visitor.conn, answer(error, undefined, false));
    await linger(visitor.peek);
    return "answered 408";
  }

  /** Over a limit: most visitors speak HTTP, and for them there is an answer. */
  async #turnAway(conn: Conn, { hostname }: { hostname: string }): Promise<void> {
    log.debug("Address over its limit", { visitor: hostname });
    const error = new HttpError(429, "Too many connections from your address", "Slow down.", 5);
    try {
      await writeAll(conn, answer(error, undefined, false));
    } catch { /* it left */ }
    await linger(new Peek(conn));
  }
}
