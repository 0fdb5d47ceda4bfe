/**
 * The accept loop that all listeners share.
 *
 * @module
 */

import { isDisconnect, reason } from "./errors.ts";
import type { Logger } from "./log.ts";
import { Seldom } from "./seldom.ts";
import type { Conn, Listener } from "./transport.ts";

/** Wait after an accept that failed, in milliseconds; doubles up to the maximum. */
const MIN_WAIT_MS = 10;
const MAX_WAIT_MS = 1000;

/** What macOS says of a connection that its peer has reset already. */
const INVALID_ARGUMENT = /\(os error 22\)$/;

/**
 * Accepts until the listener is closed. An error (out of descriptors, say) makes it wait, never
 * end: the connections that hold the descriptors will go. A peer that has hung up before it was
 * accepted is none: anyone could hold up the others by that.
 */
export async function acceptLoop(
  listener: Listener,
  log: Logger,
  handle: (conn: Conn) => void,
): Promise<void> {
  using seldom = new Seldom(log, 1);
  let wait = MIN_WAIT_MS;
  for (;;) {
    try {
      const conn = await listener.accept();
      wait = MIN_WAIT_MS;
      handle(conn);
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return; // closed
      }
      if (isDisconnect(error) || INVALID_ARGUMENT.test(String(error))) continue;
      seldom.warning("Cannot accept a connection", { error: reason(error), retry_ms: wait });
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, MAX_WAIT_MS);
    }
  }
}
