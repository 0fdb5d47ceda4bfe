/**
 * A tunnel that outlives its visitor.
 *
 * Between two peers that both said `reuse`, each direction of a visitor's stream is a row of chunks:
 * a 4-byte big-endian length and that many bytes. Length 0 ends the direction, and after both have
 * ended the tunnel is as new. Opening a connection costs more than a short request does, and the end
 * that is written out tells a stream that is complete from one that broke off.
 *
 * A direction that has moved {@link PLAIN_AFTER} bytes is worth its own connection: it announces
 * {@link PLAIN} and goes on without chunks, until the connection ends.
 *
 * @module
 */

import { HEADROOM, type Peek } from "./peek.ts";
import type { Duplex, Sink, Source } from "./relay.ts";
import { closeQuietly, writeAll } from "./transport.ts";

/** Bytes of the length in front of a chunk. */
const HEADER_BYTES = HEADROOM;
/** Instead of a length: everything that follows, up to the end of the connection. */
const PLAIN = 0xffffffff;
/** Longest chunk that is accepted, in bytes. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;
/** Bytes of one direction after which it goes on without chunks. */
export const PLAIN_AFTER = 1024 * 1024;
/** How long something small waits for company in one write, in milliseconds. */
const HOLD_MS = 2;

const END = new Uint8Array(HEADER_BYTES);

function putLength(bytes: Uint8Array, length: number): void {
  bytes[0] = length >>> 24;
  bytes[1] = length >>> 16;
  bytes[2] = length >>> 8;
  bytes[3] = length;
}

/** `bytes` as one chunk. */
export function chunk(bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(HEADER_BYTES + bytes.length);
  putLength(framed, bytes.length);
  framed.set(bytes, HEADER_BYTES);
  return framed;
}

/** One visitor's stream on a tunnel that may serve another afterwards. */
export class ChunkedDuplex implements Duplex {
  readonly source: ChunkSource;
  readonly sink: ChunkSink;

  /** @param peek the tunnel, which the caller owns. */
  constructor(private readonly peek: Peek) {
    this.source = new ChunkSource(peek);
    this.sink = new ChunkSink(peek);
  }

  /** Whether both directions have ended and the tunnel is as new. */
  get reusable(): boolean {
    return this.source.ended && this.source.size === 0 && this.sink.ended;
  }

  /** {@link Duplex.close} */
  close(): void {
    this.sink.release();
    closeQuietly(this.peek.conn);
  }
}

/** The reading side: the bytes within the chunks. */
class ChunkSource implements Source {
  /** What is left of the chunk at the front; infinite once the stream is plain. */
  #left = 0;
  #filling: Promise<boolean> | undefined;
  #busy = false;
  /** Whether the end came as a chunk of length 0. */
  ended = false;

  constructor(private readonly peek: Peek) {}

  get size(): number {
    return Math.min(this.#left, this.peek.size);
  }

  get bytes(): Uint8Array {
    const { bytes } = this.peek;
    return this.#left < bytes.length ? bytes.subarray(0, this.#left) : bytes;
  }

  consume(count: number): void {
    this.peek.consume(count);
    this.#left -= count;
  }

  /** @throws {Deno.errors.UnexpectedEof} when the tunnel ends before the stream does. */
  fill(): Promise<boolean> {
    if (this.#filling !== undefined) return this.#filling;
    const filling = this.#fill();
    if (this.#busy) this.#filling = filling;
    return filling;
  }

  async #fill(): Promise<boolean> {
    this.#busy = true;
    try {
      const held = this.size;
      while (!this.ended) {
        if (this.size > held) return true;
        if (this.#left === held && this.#header(held)) continue;
        if (await this.peek.fill()) continue;
        if (this.#left === Infinity) return false;
        throw new Deno.errors.UnexpectedEof("the tunnel broke off");
      }
      return false;
    } finally {
      this.#busy = false;
      this.#filling = undefined;
    }
  }

  /**
   * Reads the length behind `held` bytes that nobody consumed yet, if it is there, and closes the
   * gap it leaves: whoever looks ahead sees the stream without chunks.
   */
  #header(held: number): boolean {
    const { bytes } = this.peek;
    if (bytes.length < held + HEADER_BYTES) return false;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(held);
    if (length > MAX_CHUNK_BYTES && length !== PLAIN) {
      throw new Deno.errors.InvalidData(`a chunk of ${length} bytes is too long`);
    }
    bytes.copyWithin(HEADER_BYTES, 0, held);
    this.peek.consume(HEADER_BYTES);
    this.#left = length === PLAIN ? Infinity : held + length;
    this.ended = length === 0;
    return true;
  }
}

/** The writing side. */
class ChunkSink implements Sink {
  readonly most: number = Infinity;
  #sent = 0;
  #plain = false;
  #held: Uint8Array | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the end was sent as a chunk of length 0. */
  ended = false;

  constructor(private readonly peek: Peek) {}

  /** Sends bytes as they are, not as a chunk, in front of the next chunk or soon. */
  hold(bytes: Uint8Array): void {
    this.#held = bytes;
    this.#timer = setTimeout(() => {
      const held = this.release();
      // A tunnel that is gone is noticed by whoever reads it.
      if (held !== undefined) writeAll(this.peek.conn, held).catch(() => {});
    }, HOLD_MS);
  }

  /** Takes back what is held, for a caller that sends it in a write of its own. */
  release(): Uint8Array | undefined {
    clearTimeout(this.#timer);
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  /** {@link ChunkSink.end} for a direction whose end is in no hurry: it may share a write. */
  endSoon(): void {
    if (this.#plain || this.ended) return void this.end().catch(() => {});
    this.ended = true;
    const held = this.release();
    this.hold(held === undefined ? END : join(held, END));
  }

  /** {@link Sink.write}; nothing is sent for no bytes, since that would be the end. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.#send(this.#plain ? bytes : chunk(bytes), bytes.length);
  }

  /** {@link Sink.pass} */
  pass(from: Source, count: number): Promise<void> {
    if (count === 0 || this.#plain || from.withHeadroom === undefined) {
      return this.write(from.bytes.subarray(0, count));
    }
    const framed = from.withHeadroom(count);
    putLength(framed, count);
    return this.#send(framed, count);
  }

  async #send(framed: Uint8Array, count: number): Promise<void> {
    if (this.#held !== undefined) framed = join(this.release()!, framed);
    const { conn } = this.peek;
    const wrote = await conn.write(framed);
    if (wrote < framed.length) await writeAll(conn, framed.subarray(wrote));
    this.#sent += count;
    if (this.#sent < PLAIN_AFTER || this.#plain) return;
    this.#plain = true;
    await writeAll(conn, new Uint8Array(HEADER_BYTES).fill(0xff));
  }

  async end(): Promise<void> {
    if (this.#plain) return await this.peek.conn.closeWrite();
    if (this.ended) return;
    this.ended = true;
    const held = this.release();
    await writeAll(this.peek.conn, held === undefined ? END : join(held, END));
  }
}

/** Two pieces in a row. */
export function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
