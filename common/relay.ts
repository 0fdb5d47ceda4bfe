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
import { isTls } from "./tls/mod.ts";
import { closeQuietly, type Conn, writeAll } from "./transport.ts";

/** Where bytes come from: those at hand, and more on request. */
export interface Source {
  /** The bytes at hand; a view of them is good until the next {@link Source.fill}. */
  readonly bytes: Uint8Array;
  /** How many bytes are at hand. */
  readonly size: number;
  /** Forgets the first `count` bytes. */
  consume(count: number): void;
  /** Gets more bytes; false at the end of the stream. */
  fill(): Promise<boolean>;
  /**
   * The first `count` bytes and the few in front of them, which the caller may overwrite; only
   * sources with such room have it.
   */
  withHeadroom?(count: number): Uint8Array;
}

/** Where bytes go. */
export interface Sink {
  /**
   * Most bytes to pass at once, so that their count is known while they go; `Infinity` for all there
   * are. More does no harm.
   */
  readonly most: number;
  /** Sends bytes of the caller's own. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends the first `count` bytes at hand of a connection, which its caller then consumes. */
  pass(from: Source, count: number): Promise<void>;
  /** Sends the end of the stream. */
  end(): Promise<void>;
}

/** Both directions of one peer. */
export interface Duplex {
  readonly source: Source;
  readonly sink: Sink;
  /** Ends both directions at once; more than once does no harm. */
  close(): void;
}

/** A connection whose bytes are the stream, and whose end is the stream's. */
export class PlainDuplex implements Duplex, Sink {
  readonly source: Peek;
  readonly sink: Sink = this;
  /** {@link Sink.most} */
  readonly most: number = Infinity;
  readonly #conn: Conn;

  constructor(peek: Peek) {
    this.source = peek;
    this.#conn = peek.conn;
  }

  /** {@link Sink.write} */
  write(bytes: Uint8Array): Promise<void> {
    return writeAll(this.#conn, bytes);
  }

  /** {@link Sink.pass} */
  async pass(from: Source, count: number): Promise<void> {
    const { bytes } = from;
    const piece = count === bytes.length ? bytes : bytes.subarray(0, count);
    const wrote = await this.#conn.write(piece);
    if (wrote < count) await writeAll(this.#conn, piece.subarray(wrote));
  }

  /** {@link Sink.end}; when the peer has ended its side too, that is the end of both. */
  async end(): Promise<void> {
    // TLS announces its end even then: a peer that hears nothing takes it for an attack.
    if (!this.source.ended || isTls(this.#conn)) await this.#conn.closeWrite();
    if (this.source.ended) this.close();
  }

  /** {@link Duplex.close} */
  close(): void {
    closeQuietly(this.#conn);
  }
}

/** {@link Source.fill}; a peer that broke off is at its end, too. */
export async function fillOrEnd(source: Source): Promise<boolean> {
  try {
    return await source.fill();
  } catch (error) {
    if (isDisconnect(error)) return false;
    throw error;
  }
}

/** Live byte counts of one pair of connections. */
export interface Traffic {
  /** Bytes from the first to the second: a visitor's to the service. */
  up: number;
  /** Bytes back. */
  down: number;
}

/** Errors of a sink: it listens no more, but what it said before may still be read. */
const deaf = new WeakSet<object>();

async function pump(source: Source, sink: Sink, count: (bytes: number) => void): Promise<void> {
  const { most } = sink;
  do {
    while (source.size > 0) {
      const size = Math.min(source.size, most);
      try {
        await sink.pass(source, size);
      } catch (error) {
        if (error instanceof Error) deaf.add(error);
        throw error;
      }
      source.consume(size);
      count(size);
    }
  } while (await source.fill());
}

/**
 * Copies what `source` holds and will get until its end, then passes the end on to `sink`.
 *
 * @param count is told the size of each piece after it was written.
 * @throws what the read or the write threw.
 */
export async function copy(
  source: Source,
  sink: Sink,
  count: (bytes: number) => void,
): Promise<void> {
  await pump(source, sink, count);
  await sink.end();
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
 * Joins two peers until both directions have ended. An end of one direction is passed on while the
 * other goes on; a reset of either ends the pair and closes both. After `"done"` the caller closes
 * them, or uses them again if they are of a kind that can be.
 *
 * @returns how it ended; never throws for a peer that went away.
 */
export async function relay(
  a: Duplex,
  b: Duplex,
  { traffic = { up: 0, down: 0 }, signal }: RelayOptions = {},
): Promise<RelayEnd> {
  const close = () => {
    a.close();
    b.close();
  };
  if (signal?.aborted) close();
  signal?.addEventListener("abort", close, { once: true });
  let broken = false;
  const direction = async (source: Source, sink: Sink, count: (bytes: number) => void) => {
    try {
      await pump(source, sink, count);
      if (!broken) await sink.end();
    } catch (error) {
      broken = true;
      // A service that answers in the middle of an upload and leaves cannot be written to, but its
      // answer can be read; then the other direction meets the same end. After any other failure
      // that one waits in a read that would never return.
      if (!deaf.has(error as object)) close();
      throw error;
    }
  };
  const ends = await Promise.allSettled([
    direction(a.source, b.sink, (bytes) => traffic.up += bytes),
    direction(b.source, a.sink, (bytes) => traffic.down += bytes),
  ]);
  signal?.removeEventListener("abort", close);
  if (broken) close();
  if (signal?.aborted) return "aborted";
  let end: RelayEnd = "done";
  for (const direction of ends) {
    if (direction.status === "fulfilled") continue;
    if (!isDisconnect(direction.reason)) throw direction.reason;
    end = "reset";
  }
  return end;
}
