/**
 * Connections counted where they are accepted and closed, and accepts that fail.
 *
 * @module
 */

import { type Conn, isDisconnect, type Listen } from "@agentx/common";
import type { Tally } from "./tally.ts";

/** Where it is counted, by the port's name. */
export interface ConnectionCounts {
  /** Those that are open. */
  readonly connections: Tally;
  /** Accepts that failed for want of a descriptor, say. */
  readonly acceptErrors: Tally;
}

/** The same way to listen, counted. */
export function counted(
  listen: Listen,
  name: string,
  { connections, acceptErrors }: ConnectionCounts,
): Listen {
  return (address, options) => {
    const listener = listen(address, options);
    const accept = async () => {
      try {
        const conn = await listener.accept();
        connections.add(name);
        return told(conn, () => connections.add(name, -1));
      } catch (error) {
        // Closed here, or hung up there: neither is a fault.
        if (!isDisconnect(error)) acceptErrors.add(name);
        throw error;
      }
    };
    return { accept, close: () => listener.close(), address: listener.address };
  };
}

/** The same connection, which tells when it is closed. Some look at its class, so it is no wrapper. */
function told(conn: Conn, closed: () => void): Conn {
  const close = conn.close;
  let open = true;
  conn.close = () => {
    if (open) closed();
    open = false;
    close.call(conn);
  };
  return conn;
}
