/**
 * A local port that is the service: every connection to it gets one of its own to the server, and
 * nothing is kept in between.
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
  PlainDuplex,
  reason,
  relay,
} from "@agentx/common";

const log = getLogger(["arpc", "connect"]);

/** Opens a connection to the service; gives up when the signal is aborted. */
export type Reach = (signal: AbortSignal) => Promise<PlainDuplex>;

/** Serves connections until told to stop; running ones end with it. */
export async function serveLocal(
  listener: Listener,
  reach: Reach,
  stop: AbortSignal,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const close = () => listener.close();
  if (stop.aborted) close();
  else stop.addEventListener("abort", close, { once: true });
  await acceptLoop(listener, log, (conn) => {
    const task = serve(conn, reach, stop).finally(() => running.delete(task));
    running.add(task);
  });
  await Promise.all(running);
}

/** One connection from its start to its end; never throws. */
async function serve(conn: Conn, reach: Reach, stop: AbortSignal): Promise<void> {
  const since = performance.now();
  const visitor = formatAddress(conn.remoteAddr);
  const traffic = { up: 0, down: 0 };
  const local = new PlainDuplex(new Peek(conn));
  try {
    const remote = await reachFor(local, reach, stop);
    try {
      const end = await relay(local, remote, { traffic, signal: stop });
      const ms = Math.round(performance.now() - since);
      log.info("Connection ended", { visitor, ...traffic, ms, end });
    } finally {
      remote.close();
    }
  } catch (error) {
    if (!stop.aborted) log.warning("Connection failed", { visitor, why: reason(error) });
  } finally {
    closeQuietly(conn);
  }
}

/** Reaches the service for a visitor; one that leaves meanwhile need not be served. */
async function reachFor(
  { source }: PlainDuplex,
  reach: Reach,
  stop: AbortSignal,
): Promise<PlainDuplex> {
  const given = new AbortController();
  const abort = () => given.abort(stop.reason);
  stop.addEventListener("abort", abort, { once: true });
  // The relay goes on with this read. An end of the stream is no reset: an answer may be wanted.
  source.fill().catch((error) => given.abort(error));
  try {
    return await reach(given.signal);
  } finally {
    stop.removeEventListener("abort", abort);
  }
}
