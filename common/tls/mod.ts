/**
 * TLS as another transport: what {@link ../transport.ts} asks for, over `node:tls`, which knows the
 * certificate of a peer and takes over a connection whose first bytes were looked at.
 *
 * @module
 */

import type { Conn } from "../transport.ts";

/** Whether a connection is encrypted. */
export function isTls(_conn: Conn): boolean {
  return false;
}
