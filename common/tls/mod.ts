/**
 * TLS as another transport: what {@link ../transport.ts} asks for, over any other connection. The
 * part that does the work, `@agentx/common/tls/session`, is large, and is loaded where TLS is on.
 *
 * @module
 */

import { closeQuietly, type Conn } from "../transport.ts";
import { DeadlineError } from "../errors.ts";
import { TlsConn } from "./conn.ts";

export { PlainStream, type SecureStream, TlsConn } from "./conn.ts";

/** Whether a connection is encrypted, or will be once it is used. */
export function isTls(conn: Conn): boolean {
  return conn instanceof TlsConn;
}

/**
 * Shakes hands, if there is TLS on the connection. A missed deadline closes it.
 *
 * @throws {DeadlineError} after `ms` milliseconds.
 * @throws {Error} that says what failed.
 */
export async function shakeHandsWithin(conn: Conn, ms: number): Promise<void> {
  if (!(conn instanceof TlsConn)) return;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    closeQuietly(conn);
  }, ms);
  try {
    await conn.handshake();
  } catch (error) {
    if (late) throw new DeadlineError(`no TLS handshake came to its end within ${ms / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
