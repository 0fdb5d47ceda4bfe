/**
 * A visitor whose bytes are relayed as they are, once both sides have been introduced.
 *
 * @module
 */

import {
  type Duplex,
  PlainDuplex,
  relay,
  type RelayEnd,
  type Sink,
  type Source,
} from "@agentx/common";
import { LeftService } from "./left_service.ts";
import { Refusal } from "./refusal.ts";
import type { Client } from "./registry.ts";
import type { Sessions } from "./sessions.ts";
import type { Match, ReplyWatch } from "./sniff/mod.ts";
import type { Tunnel } from "./tunnel.ts";
import type { Visitor } from "./visitor.ts";

/** Tunnels tried before the visitor is given up. */
const MAX_TRIES = 3;
/** For what is said before bytes can flow, in milliseconds; somebody may have to type a password. */
const HANDSHAKE_TIMEOUT_MS = 60_000;

/**
 * Joins a visitor to a client until both directions have ended. The visitor's head is kept until the
 * client has reached its service, and sent again on another tunnel if one proves dead.
 *
 * @throws {Refusal} when no tunnel came, the client cannot reach its service, or the two do not get
 * along.
 */
export async function serveRaw(
  visitor: Visitor,
  client: Client,
  match: Match,
  sessions: Sessions,
  signal: AbortSignal,
): Promise<RelayEnd> {
  client.visitors++;
  try {
    const tunnel = await attach(visitor, client, match, signal);
    const plain = new PlainDuplex(visitor.peek);
    try {
      if (match.accepted !== undefined) await plain.write(match.accepted);
      if (match.handshake !== undefined) await introduce(plain, tunnel, client, match, signal);
    } catch (error) {
      tunnel.close();
      throw error;
    }
    const watch = match.watch?.();
    using watched = watch && new WatchedSink(plain, watch, (key) => sessions.enter(key, client));
    const duplex: Duplex = watched === undefined
      ? plain
      : { source: plain.source, sink: watched, close: () => plain.close() };
    using service = match.leaves ? new LeftService(tunnel.duplex) : undefined;
    const other = service ?? tunnel.duplex;
    const end = await relay(duplex, other, { traffic: visitor.traffic, signal });
    plain.close();
    if (end === "done") void client.pool.giveBack(tunnel);
    else tunnel.close();
    return end;
  } finally {
    client.visitors--;
  }
}

async function attach(
  visitor: Visitor,
  client: Client,
  { protocol, size, head }: Match,
  signal: AbortSignal,
): Promise<Tunnel> {
  const first = head?.(client) ?? visitor.peek.bytes.subarray(0, size);
  for (let tries = 1;; tries++) {
    const tunnel = await client.pool.take();
    const abort = () => tunnel.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await tunnel.start({ visitor: visitor.name, protocol, tls: visitor.tls }, first);
      const started = await tunnel.started();
      if (started.ok) {
        visitor.peek.consume(size);
        visitor.traffic.up += first.length;
        return tunnel;
      }
      throw new Refusal(502, "The local service cannot be reached", started.reason);
    } catch (error) {
      tunnel.close();
      if (signal.aborted || error instanceof Refusal) throw error;
      if (tries === MAX_TRIES) {
        throw new Refusal(502, "The client's tunnels end before they start");
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/** Runs a protocol's handshake until its deadline; then, or when told to, both ends are closed. */
async function introduce(
  plain: PlainDuplex,
  tunnel: Tunnel,
  client: Client,
  match: Match,
  signal: AbortSignal,
): Promise<void> {
  let late = false;
  const close = () => {
    plain.close();
    tunnel.close();
  };
  const timer = setTimeout(() => {
    late = true;
    close();
  }, HANDSHAKE_TIMEOUT_MS);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    await match.handshake!(plain, tunnel.duplex, client);
  } catch (error) {
    if (late) throw new Refusal(504, "The handshake with the service took too long");
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
  }
}

/** Shows what passes to a watch, until that has seen enough. */
class WatchedSink implements Sink, Disposable {
  #watch: ReplyWatch | undefined;
  #entry: Disposable | undefined;

  constructor(
    private readonly sink: Sink,
    watch: ReplyWatch,
    private readonly found: (session: string) => Disposable,
  ) {
    this.#watch = watch;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#see(bytes);
    return this.sink.write(bytes);
  }

  pass(from: Source, count: number): Promise<void> {
    if (this.#watch !== undefined) this.#see(from.bytes.subarray(0, count));
    return this.sink.pass(from, count);
  }

  end(): Promise<void> {
    return this.sink.end();
  }

  #see(bytes: Uint8Array): void {
    const watch = this.#watch;
    if (watch === undefined) return;
    if (!watch.see(bytes)) this.#watch = undefined;
    if (watch.session !== undefined) this.#entry ??= this.found(watch.session);
  }

  [Symbol.dispose](): void {
    this.#entry?.[Symbol.dispose]();
  }
}
