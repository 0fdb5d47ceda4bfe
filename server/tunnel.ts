/**
 * One tunnel: a connection from a client to the proxy port, idle in the pool or attached to a
 * visitor.
 *
 * @module
 */

import {
  closeQuietly,
  type Conn,
  encodeFrame,
  type Peek,
  ProtocolError,
  readFrameWithin,
  type StartProxy,
  writeAll,
} from "@agentx/common";

/** How long a client may take to reach its local service, in milliseconds. */
export const START_TIMEOUT_MS = 15_000;

/** The answer of a client that was told of a visitor. */
export type Started = { ok: true } | { ok: false; reason: string };

/** A connection from a client, before and while it carries one visitor. */
export class Tunnel {
  /** When it joined the pool, by `performance.now()`. */
  readonly since: number = performance.now();

  /**
   * @param peek the connection behind its `NewProxyConn`.
   * @param generation of the client: 1 is raw from the start, 2 is told of its visitor.
   */
  constructor(readonly peek: Peek, readonly generation: 1 | 2) {}

  /** The bare connection. */
  get conn(): Conn {
    return this.peek.conn;
  }

  /**
   * Watches an idle tunnel: `gone` is called when its client ends it, or says something on a tunnel
   * that has no visitor. The read stays pending and becomes the visitor's first one. (A generation
   * 1 client may relay what its service says first; those bytes wait for the visitor.)
   */
  watch(gone: () => void): void {
    this.peek.fill().then((more) => {
      if (!more || this.generation === 2) gone();
    }, gone);
  }

  /** Attaches a visitor whose first bytes are `head`: both leave in one write. */
  async start(visitor: Omit<StartProxy, "type">, head: Uint8Array): Promise<void> {
    if (this.generation === 1) return await writeAll(this.conn, head);
    await writeAll(this.conn, join(encodeFrame({ type: "StartProxy", ...visitor }), head));
  }

  /**
   * The client's answer to {@link Tunnel.start}.
   *
   * @throws when the tunnel ended, broke the protocol, or stayed silent for
   * {@link START_TIMEOUT_MS}: another tunnel may do better.
   */
  async started(): Promise<Started> {
    if (this.generation === 1) return { ok: true };
    const command = await readFrameWithin(this.peek, START_TIMEOUT_MS);
    if (command === null) throw new Deno.errors.UnexpectedEof("the tunnel ended before its start");
    if (command.type !== "ProxyStarted") {
      throw new ProtocolError(`Cannot start a tunnel: got ${command.type}, not ProxyStarted`);
    }
    return command.success
      ? { ok: true }
      : { ok: false, reason: command.error ?? "the local service cannot be reached" };
  }

  /** Ends it. */
  close(): void {
    closeQuietly(this.conn);
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
