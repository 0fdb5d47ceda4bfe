/**
 * A visitor whose bytes are relayed as they are.
 *
 * @module
 */

import { PlainDuplex, relay, type RelayEnd } from "@agentx/common";
import { HttpError } from "./http/error.ts";
import type { Client } from "./registry.ts";
import type { Tunnel } from "./tunnel.ts";
import type { Visitor } from "./visitor.ts";

/** Tunnels tried before the visitor is given up. */
const MAX_TRIES = 3;

/**
 * Joins a visitor to a client until both directions have ended. The visitor's first bytes are kept
 * until the client has reached its service, and sent again on another tunnel if one proves dead.
 *
 * @throws {HttpError} when no tunnel came, or the client cannot reach its service.
 */
export async function serveRaw(
  visitor: Visitor,
  client: Client,
  protocol: string,
  signal: AbortSignal,
): Promise<RelayEnd> {
  client.visitors++;
  try {
    const tunnel = await attach(visitor, client, protocol, signal);
    const duplex = new PlainDuplex(visitor.peek);
    const end = await relay(duplex, tunnel.duplex, { traffic: visitor.traffic, signal });
    duplex.close();
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
  protocol: string,
  signal: AbortSignal,
): Promise<Tunnel> {
  const head = visitor.peek.bytes;
  for (let tries = 1;; tries++) {
    const tunnel = await client.pool.take();
    const abort = () => tunnel.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await tunnel.start({ visitor: visitor.name, protocol, tls: visitor.tls }, head);
      const started = await tunnel.started();
      if (started.ok) {
        visitor.peek.consume(head.length);
        visitor.traffic.up += head.length;
        return tunnel;
      }
      throw new HttpError(502, "The local service cannot be reached", started.reason);
    } catch (error) {
      tunnel.close();
      if (signal.aborted || error instanceof HttpError) throw error;
      if (tries === MAX_TRIES) {
        throw new HttpError(502, "The client's tunnels end before they start");
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
