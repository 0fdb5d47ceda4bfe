/**
 * The hot path: bytes from one connection to another and back.
 *
 * Two read/write loops instead of `pipeTo`, which is slower and loses the reply after a half-close.
 * The awaited write is the back-pressure.
 *
 * @module
 */

import { isDisconnect } from "./errors.ts";
import type { Peek } from "./peek.ts";
import { closeQuietly, type Conn, writeAll } from "./transport.ts";

/** Live byte counts of one pair of connections. */
export interface Traffic {
  /** Bytes from the first to the second: a visitor's to the service. */
  up: number;
  /** Bytes back. */
  down: number;
}

/**
 * Copies what `source` holds and will get until its end, then passes the end on to `sink`.
 *
 * @param count is told the size of each piece after it was written.
 * @throws what the read or the write threw.
 */
export async function copy(
  source: Peek,
  sink: Conn,
  count: (bytes: number) => void,
): Promise<void> {
  do {
    const piece = source.bytes;
    if (piece.length === 0) continue;
    const wrote = await sink.write(piece);
    if (wrote < piece.length) await writeAll(sink, piece.subarray(wrote));
    source.consume(piece.length);
    count(piece.length);
  } while (await source.fill());
  await sink.closeWrite();
}

/** How a pair of connections ended. */
export type RelayEnd = "done" | "reset" | "aborted";

/** Options of {@link relay}. */
export interface RelayOptions {
  /** Counts live, while the bytes flow. */
  traffic?: Traffic;
  /** Ends the pair when aborted. */
  signal?: AbortSignal;
}

/**
 * Joins two connections until both directions have ended, then closes both. Bytes that either
 * {@link Peek} holds go first. An end of one direction is passed on while the other goes on; a
 * reset of either ends the pair.
 *
 * @returns how it ended; never throws for a peer that went away.
 */
export async function relay(
  a: Peek,
  b: Peek,
  { traffic = { up: 0, down: 0 }, signal }: RelayOptions = {},
): Promise<RelayEnd> {
  const close = () => {
    closeQuietly(a.conn);
    closeQuietly(b.conn);
  };
  if (signal?.aborted) close();
  signal?.addEventListener("abort", close, { once: true });
  const direction = async (source: Peek, sink: Conn, count: (bytes: number) => void) => {
    try {
      await copy(source, sink, count);
    } catch (error) {
      // The other direction waits in a read that would never return.
      close();
      throw error;
    }
  };
  const ends = await Promise.allSettled([
    direction(a, b.conn, (bytes) => traffic.up += bytes),
    direction(b, a.conn, (bytes) => traffic.down += bytes),
  ]);
  signal?.removeEventListener("abort", close);
  close();
  if (signal?.aborted) return "aborted";
  let end: RelayEnd = "done";
  for (const direction of ends) {
    if (direction.status === "fulfilled") continue;
    if (!isDisconnect(direction.reason)) throw direction.reason;
    end = "reset";
  }
  return end;
}
