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
  reason,
  Seldom,
} from "@agentx/common";
import { peerOf } from "./address.ts";
import type { Links } from "./links.ts";
import type { Registry } from "./registry.ts";
import { firstCommand, StrangerError, tellStranger } from "./stranger.ts";

const log = getLogger(["arps", "proxy"]);
/** Anybody may cause it. */
const seldom = new Seldom(log);

/** Options of {@link serveProxyPort}. */
export interface ProxyPortOptions {
  /** How long a new connection may take to say what it is, in milliseconds. */
  timeout: number;
  /** Limits the connections of each address that have not said it. */
  links: Links;
  /** Another server may listen on the port: its clients come here by chance, and try again. */
  shared?: boolean;
}

/** Takes tunnels until the listener is closed. */
export function serveProxyPort(
  listener: Listener,
  registry: Registry,
  options: ProxyPortOptions,
): Promise<void> {
  return acceptLoop(listener, log, (conn) => void welcome(conn, registry, options));
}

async function welcome(
  conn: Conn,
  registry: Registry,
  { timeout, links, shared }: ProxyPortOptions,
): Promise<void> {
  const name = formatAddress(peerOf(conn));
  let why: string | undefined;
  const makeRoom = () => {
    why = "its address has too many that say nothing";
    closeQuietly(conn);
  };
  // It counts until it has shown its capability: a tunnel that was asked for is welcome.
  using _link = links.enter(conn, makeRoom);
  const peek = new Peek(conn);
  try {
    const command = await firstCommand(peek, "NewProxyConn", timeout);
    if (registry.redeem(command.proxy_conn_id, command.client_id, peek) !== undefined) return;
    why = "nobody asked for it, or it came too late";
  } catch (error) {
    if (error instanceof StrangerError) {
      closeQuietly(conn);
      const { message, quiet } = error;
      return tellStranger(seldom, "Not a tunnel", name, new StrangerError(why ?? message, quiet));
    }
    why = reason(error);
  }
  closeQuietly(conn);
  if (shared) return log.debug("Tunnel refused", { peer: name, why });
  registry.stats.tunnelRefused(name, why);
  seldom.warning("Tunnel refused", { peer: name, why });
}
