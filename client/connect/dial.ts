/**
 * Dialling a public port, with TLS if a proxy in front of it speaks that.
 *
 * @module
 */

import { closeQuietly, type Conn, DeadlineError, type DialOptions, dialTcp } from "@agentx/common";
import type { Server } from "./options.ts";

const DIAL_TIMEOUT_MS = 10_000;

/**
 * Connects to a server. A certificate is always verified, against the roots that Deno trusts and
 * those that `DENO_CERT` names.
 *
 * @throws {DeadlineError} when it took longer than the timeout, TLS included.
 */
export async function dialServer(
  { hostname, port, tls }: Server,
  { timeout = DIAL_TIMEOUT_MS, ...options }: DialOptions = {},
): Promise<Conn> {
  const since = performance.now();
  const tcp = await dialTcp({ hostname, port }, { timeout, ...options });
  if (!tls) return tcp;
  // `dialTcp` gives what `Deno.connect` gave it.
  const conn = await Deno.startTls(tcp as Deno.TcpConn, {
    hostname,
    alpnProtocols: ["http/1.1"],
  });
  try {
    const left = timeout - (performance.now() - since);
    // Without this the first write would do it, and its error would come too late to be told apart.
    await within(conn, left, options.signal, () => conn.handshake());
    return conn;
  } catch (error) {
    closeQuietly(conn);
    throw error;
  }
}

/** Runs a task on a connection, which a deadline or the signal closes, so that the task fails. */
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
