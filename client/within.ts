/**
 * Work on a connection that may not take for ever.
 *
 * @module
 */

import { closeQuietly, type Conn, DeadlineError } from "@agentx/common";

/**
 * Runs a task on a connection, which a deadline or the signal closes, so that the task fails.
 *
 * @throws {DeadlineError} when the deadline did.
 */
export async function within<T>(
  conn: Conn,
  ms: number,
  signal: AbortSignal | undefined,
  task: () => Promise<T>,
): Promise<T> {
  let why: unknown;
  const end = (error: unknown) => {
    why ??= error;
    closeQuietly(conn);
  };
  const late = () => end(new DeadlineError(`nothing came within ${Math.ceil(ms / 1000)} s`));
  const timer = setTimeout(late, ms);
  const abort = () => end(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await task();
  } catch (error) {
    throw why ?? error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
