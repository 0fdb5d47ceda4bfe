/**
 * The proxy port: where clients bring the tunnels they were asked for.
 *
 * @module
 */

import {
  acceptLoop,
  closeQuietly,
  type Conn,
  formatAddress,
  getLogger,
  type Listener,
  Peek,
  readFrameWithin,
  reason,
} from "@agentx/common";
import type { Registry } from "./registry.ts";

const log = getLogger(["arps", "proxy"]);

/** How long a new connection may take to say what it is, in milliseconds. */
const HANDSHAKE_MS = 10_000;

/** Takes tunnels until the listener is closed. */
export function serveProxyPort(listener: Listener, registry: Registry): Promise<void> {
  return acceptLoop(listener, log, (conn) => void welcome(conn, registry));
}

async function welcome(conn: Conn, registry: Registry): Promise<void> {
  const peek = new Peek(conn);
  let why: string;
  try {
    const command = await readFrameWithin(peek, HANDSHAKE_MS);
    if (command === null) why = "it left without a word";
    else if (command.type !== "NewProxyConn") why = `it sent ${command.type}`;
    else if (registry.redeem(command.proxy_conn_id, command.client_id, peek) !== undefined) return;
    else why = "nobody asked for it, or it came too late";
  } catch (error) {
    why = reason(error);
  }
  closeQuietly(conn);
  log.warning("Tunnel refused", { peer: formatAddress(conn.remoteAddr as Deno.NetAddr), why });
}
