/**
 * One tunnel: a connection from a client to the proxy port, idle in the pool or attached to a
 * visitor.
 *
 * @module
 */

import {
  type Channel,
  chunk,
  ChunkedDuplex,
  closeQuietly,
  type Command,
  DeadlineError,
  type Duplex,
  encodeFrame,
  getLogger,
  isDisconnect,
  join,
  type Peek,
  PlainDuplex,
  ProtocolError,
  readFrameWithin,
  reason,
  type StartProxy,
  writeAll,
} from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import type { Client } from "./registry.ts";
import { Flow, type Throttle } from "./throttle.ts";
import { ThrottledDuplex } from "./throttled.ts";

const log = getLogger(["arps", "tunnel"]);

/** How long a client may take to reach its local service, in milliseconds. */
export const START_TIMEOUT_MS = 15_000;

/** A client that takes longer is asked whether it is there at all, in milliseconds. */
const DOUBT_MS = 4000;

/** How long it may take to say so, in milliseconds. */
const ANSWER_MS = 3000;

/** How long the service may take to end its side after the visitor left, in milliseconds. */
const RELEASE_TIMEOUT_MS = 5000;

/** What a `StartProxy` takes, for the limit of bytes; one is as good as another. */
const START_BYTES = 100;

/** What a client can do with a tunnel; see the protocol's generations. */
export type TunnelKind = "raw" | "started" | "reusable";

/** Tunnels tried for one visitor, or one request of it, before it is given up. */
export const MAX_TRIES = 3;

/** The answer of a client that was told of a visitor. */
export type Started = { ok: true } | { ok: false; reason: string };

/**
 * A tunnel has failed its visitor, who goes on with another. That one has simply ended is nothing
 * special; but if it was silent, those that idled beside it are likely to have been forgotten as well.
 */
export function retried({ tag, pool }: Client, error: unknown): void {
  if (error instanceof DeadlineError) pool.renew();
  const level = isDisconnect(error) ? "debug" : "warning";
  log[level]("Tunnel failed, another is tried", { client: tag, why: reason(error) });
}

/** Says why a tunnel failed in the middle of a visitor, unless it has simply ended. */
export function brokeOff({ tag }: Client, error: unknown): void {
  if (isDisconnect(error) || error instanceof Refusal) return;
  log.warning("Tunnel broke off", { client: tag, why: reason(error) });
}

/** A connection from a client, before and while it carries a visitor. */
export class Tunnel {
  /** When it joined the pool, by `performance.now()`. */
  since = 0;
  /** The visitor's stream; a new one for each visitor. */
  duplex: Duplex;
  #last: ChunkedDuplex | undefined;
  /** The visitor's part of the limit, where there is one. */
  #flow: Flow | undefined;
  /** Its client has been told of the visitor, or never will be; only where that may take a while. */
  #told: PromiseWithResolvers<void> | undefined;

  /**
   * @param peek the connection behind its `NewProxyConn`.
   * @param kind raw from the start, told of its visitor, or told of one after another.
   * @param throttle limits the bytes of visitors, both ways.
   */
  constructor(
    readonly peek: Peek,
    readonly kind: TunnelKind,
    private readonly throttle?: Throttle,
  ) {
    this.duplex = this.#limited(new PlainDuplex(peek));
  }

  /** A new visitor's stream, within the limit. */
  #limited(duplex: Duplex): Duplex {
    if (this.throttle === undefined) return duplex;
    this.#flow = new Flow(this.throttle);
    this.#told ??= Promise.withResolvers();
    return new ThrottledDuplex(duplex, this.#flow);
  }

  /**
   * Watches an idle tunnel: `gone` is called when its client ends it, or says something on a tunnel
   * that has no visitor. The read stays pending and becomes the visitor's first one. (A generation
   * 1 client may relay what its service says first; those bytes wait for the visitor.)
   */
  watch(gone: () => void): void {
    this.since = performance.now();
    this.peek.fill().then((more) => {
      if (!more || this.kind !== "raw") gone();
    }, gone);
  }

  /** Attaches a visitor whose first bytes are `head`: both leave in one write. */
  async start(visitor: Omit<StartProxy, "type">, head: Uint8Array): Promise<void> {
    const { conn } = this.peek;
    const last = this.#last;
    if (this.kind === "reusable") {
      this.#last = new ChunkedDuplex(this.peek);
      this.duplex = this.#limited(this.#last);
    }
    if (this.#flow !== undefined) await this.#turn(this.#flow, head.length);
    if (this.kind === "raw") return await writeAll(conn, head);
    const start = encodeFrame({ type: "StartProxy", ...visitor });
    if (this.kind === "started") return await writeAll(conn, join(start, head));
    const held = last?.sink.release();
    const first = head.length === 0 ? start : join(start, chunk(head));
    await writeAll(conn, held === undefined ? first : join(held, first));
  }

  /** Waits until a visitor's first bytes may go. */
  async #turn(flow: Flow, bytes: number): Promise<void> {
    try {
      await flow.take(START_BYTES + bytes);
    } finally {
      this.#told?.resolve();
    }
  }

  /**
   * The client's answer to {@link Tunnel.start}.
   *
   * A router on the way may have forgotten the tunnel, so a client that stays silent is asked on its
   * control connection whether it is there.
   *
   * @param channel of the client.
   * @param harmless whether the visitor's first bytes may come twice: then a tunnel that is silent
   * while its client is not is given up early.
   * @throws when the tunnel ended, broke the protocol, or stayed silent for
   * {@link START_TIMEOUT_MS}: another tunnel may do better.
   * @throws {Refusal} 504 when the client is silent as a whole.
   */
  async started(
    channel?: Pick<Channel, "answers">,
    harmless: () => boolean = () => false,
  ): Promise<Started> {
    if (this.kind === "raw") return { ok: true };
    if (this.#told !== undefined) {
      // Until then the client has nothing to answer.
      await this.#told.promise;
      this.#told = Promise.withResolvers();
    }
    const command = await this.#answer(channel, harmless);
    if (command === null) throw new Deno.errors.UnexpectedEof("the tunnel ended before its start");
    if (command.type !== "ProxyStarted") {
      throw new ProtocolError(`Cannot start a tunnel: got ${command.type}, not ProxyStarted`);
    }
    return command.success
      ? { ok: true }
      : { ok: false, reason: command.error ?? "the local service cannot be reached" };
  }

  async #answer(
    channel: Pick<Channel, "answers"> | undefined,
    harmless: () => boolean,
  ): Promise<Command | null> {
    let over = false;
    let why: Error | undefined;
    const doubt = async () => {
      const there = await channel!.answers(ANSWER_MS);
      if (over || there === undefined || (there && !harmless())) return;
      why = there
        ? new DeadlineError("the tunnel is silent, and its client is not")
        : new Refusal(504, "The client does not answer", "It may be overloaded or asleep.");
      this.close();
    };
    const timer = channel && setTimeout(() => void doubt(), DOUBT_MS);
    try {
      return await readFrameWithin(this.peek, START_TIMEOUT_MS);
    } catch (error) {
      throw why ?? error;
    } finally {
      over = true;
      clearTimeout(timer);
    }
  }

  /**
   * The visitor has left and nothing is due to it. Tells the client, and waits until the service has
   * left too.
   *
   * @returns whether the tunnel may serve another visitor; otherwise it is closed.
   */
  async release(): Promise<boolean> {
    const last = this.#last;
    if (last === undefined) {
      this.close();
      return false;
    }
    if (last.source.ended) last.sink.endSoon();
    if (last.reusable) return true;
    const timer = setTimeout(() => this.close(), RELEASE_TIMEOUT_MS);
    try {
      if (!last.source.ended) await last.sink.end();
      // What the service still says counts as well.
      const { source } = this.duplex;
      do source.consume(source.size); while (await source.fill());
      if (last.reusable) return true;
    } catch {
      /* it ended instead */
    } finally {
      clearTimeout(timer);
    }
    this.close();
    return false;
  }

  /** Ends it. */
  close(): void {
    this.#last?.sink.release();
    this.#flow?.close();
    this.#told?.resolve();
    closeQuietly(this.peek.conn);
  }
}
