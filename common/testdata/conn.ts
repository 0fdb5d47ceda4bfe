/**
 * Connections for tests: a scripted one that needs no permission, and real ones over the loopback.
 *
 * @module
 */

import { type Address, closeQuietly, type Conn } from "../transport.ts";

const ADDRESS: Address = { hostname: "127.0.0.1", port: 9 };

/** A connection whose peer is the test itself. */
export class FakeConn implements Conn {
  /** Each write as it came. */
  readonly writes: Uint8Array[] = [];
  /** The size of the buffer of each read. */
  readonly reads: number[] = [];
  /** Whether `closeWrite()` was called. */
  ended = false;
  closed = false;
  /** Most bytes that one write takes. */
  maxWrite = Infinity;
  /** Called after each write; may throw, and then the write fails. */
  onWrite: (bytes: Uint8Array) => void = () => {};
  readonly localAddr: Address = ADDRESS;
  readonly remoteAddr: Address = ADDRESS;
  #incoming: Uint8Array[] = [];
  #eof = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(...incoming: Uint8Array[]) {
    this.#incoming = incoming.filter((piece) => piece.length > 0);
  }

  /** The peer sends; each piece is at least one read. */
  push(...pieces: Uint8Array[]): this {
    this.#incoming.push(...pieces.filter((piece) => piece.length > 0));
    this.#wake?.();
    return this;
  }

  /** The peer ends its direction, after what it sent. */
  end(): this {
    this.#eof = true;
    this.#wake?.();
    return this;
  }

  /** The next reads fail, after what the peer sent. */
  fail(error: Error): this {
    this.#failure = error;
    this.#wake?.();
    return this;
  }

  /** All bytes written. */
  get written(): Uint8Array {
    return concat(this.writes);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.reads.push(buffer.length);
    for (;;) {
      if (this.closed) throw new Deno.errors.BadResource("the connection is closed");
      const piece = this.#incoming.shift();
      if (piece !== undefined) {
        const count = Math.min(piece.length, buffer.length);
        buffer.set(piece.subarray(0, count));
        if (count < piece.length) this.#incoming.unshift(piece.subarray(count));
        return count;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#eof) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("the connection is closed"));
    const taken = bytes.slice(0, Math.min(bytes.length, this.maxWrite));
    this.writes.push(taken);
    try {
      this.onWrite(taken);
    } catch (error) {
      return Promise.reject(error);
    }
    return Promise.resolve(taken.length);
  }

  closeWrite(): Promise<void> {
    this.ended = true;
    return Promise.resolve();
  }

  close(): void {
    if (this.closed) throw new Deno.errors.BadResource("the connection is closed");
    this.closed = true;
    this.#wake?.();
  }
}

/** The two ends of one connection over the loopback; disposing closes both. */
export interface Pair extends Disposable {
  /** The end that accepted. */
  near: Deno.TcpConn;
  /** The end that connected. */
  far: Deno.TcpConn;
}

/** Opens a {@link Pair}. */
export async function pair(): Promise<Pair> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [near, far] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port }),
  ]);
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      closeQuietly(near);
      closeQuietly(far);
    },
  };
}

/** Reads to the end of the stream. */
export async function readAll(conn: Conn): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const buffer = new Uint8Array(65536);
  for (;;) {
    const got = await conn.read(buffer);
    if (got === null) return concat(pieces);
    pieces.push(buffer.slice(0, got));
  }
}

/** Reads exactly so many bytes; fails when the stream ends before. */
export async function readExactly(conn: Conn, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const got = await conn.read(bytes.subarray(at));
    if (got === null) throw new Deno.errors.UnexpectedEof(`${at} bytes came of ${size}`);
    at += got;
  }
  return bytes;
}

/** Several pieces as one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** `bytes` cut at the given places, in any order and number. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))]
    .sort((a, b) => a - b);
  const bounds = [0, ...sorted, bytes.length];
  return bounds.slice(1).map((end, i) => bytes.subarray(bounds[i]!, end));
}
