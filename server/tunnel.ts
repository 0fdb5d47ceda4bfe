/**
 * One tunnel: a connection from a client to the proxy port, idle in the pool or attached to a
 * visitor.
 *
 * @module
 */

import {
  chunk,
  ChunkedDuplex,
  closeQuietly,
  type Duplex,
  encodeFrame,
  join,
  type Peek,
  PlainDuplex,
  ProtocolError,
  readFrameWithin,
  type StartProxy,
  writeAll,
} from "@agentx/common";

/** How long a client may take to reach its local service, in milliseconds. */
export const START_TIMEOUT_MS = 15_000;

/** How long the service may take to end its side after the visitor left, in milliseconds. */
const RELEASE_TIMEOUT_MS = 5000;

/** What a client can do with a tunnel; see the protocol's generations. */
export type TunnelKind = "raw" | "started" | "reusable";

/** The answer of a client that was told of a visitor. */
export type Started = { ok: true } | { ok: false; reason: string };

/** A connection from a client, before and while it carries a visitor. */
export class Tunnel {
  /** When it joined the pool, by `performance.now()`. */
  since = 0;
  /** The visitor's stream; a new one for each visitor. */
  duplex: Duplex;
  #last: ChunkedDuplex | undefined;

  /**
   * @param peek the connection behind its `NewProxyConn`.
   * @param kind raw from the start, told of its visitor, or told of one after another.
   */
  constructor(readonly peek: Peek, readonly kind: TunnelKind) {
    this.duplex = new PlainDuplex(peek);
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
    if (this.kind === "raw") return await writeAll(conn, head);
    const start = encodeFrame({ type: "StartProxy", ...visitor });
    if (this.kind === "started") return await writeAll(conn, join(start, head));
    const held = this.#last?.sink.release();
    this.duplex = this.#last = new ChunkedDuplex(this.peek);
    const first = head.length === 0 ? start : join(start, chunk(head));
    await writeAll(conn, held === undefined ? first : join(held, first));
  }

  /**
   * The client's answer to {@link Tunnel.start}.
   *
   * @throws when the tunnel ended, broke the protocol, or stayed silent for
   * {@link START_TIMEOUT_MS}: another tunnel may do better.
   */
  async started(): Promise<Started> {
    if (this.kind === "raw") return { ok: true };
    const command = await readFrameWithin(this.peek, START_TIMEOUT_MS);
    if (command === null) throw new Deno.errors.UnexpectedEof("the tunnel ended before its start");
    if (command.type !== "ProxyStarted") {
      throw new ProtocolError(`Cannot start a tunnel: got ${command.type}, not ProxyStarted`);
    }
    return command.success
      ? { ok: true }
      : { ok: false, reason: command.error ?? "the local service cannot be reached" };
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
      do last.source.consume(last.source.size); while (await last.source.fill());
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
    closeQuietly(this.peek.conn);
  }
}
