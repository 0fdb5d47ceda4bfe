/**
 * Closing after an answer.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112#section-9.6 | RFC 9112 §9.6: Tear-down}
 * @module
 */

import type { Peek } from "./peek.ts";
import { closeQuietly } from "./transport.ts";

/** How long a visitor that was answered may go on sending before it is cut off, in milliseconds. */
const LINGER_MS = 1000;

/**
 * Ends a connection so that its peer gets what was written: one that is still sending would lose it
 * to a reset, so it is listened to for a moment. Closes the connection; never throws.
 */
export async function linger(peek: Peek): Promise<void> {
  const { conn } = peek;
  const timer = setTimeout(() => closeQuietly(conn), LINGER_MS);
  try {
    await conn.closeWrite();
    do peek.consume(peek.size); while (await peek.fill());
  } catch {
    /* it is gone */
  } finally {
    clearTimeout(timer);
    closeQuietly(conn);
  }
}
