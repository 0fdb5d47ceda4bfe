/**
 * Reading a connection with look-ahead: the bytes may be looked at before it is known what they
 * are, and are passed on from the same buffer.
 *
 * @module
 */

import type { Source } from "./relay.ts";
import type { Conn } from "./transport.ts";

/**
 * Buffer sizes a connection climbs while its reads fill the buffer, in bytes. The first holds most
 * requests, and is what an idle connection costs.
 */
const SIZES = [2 * 1024, 16 * 1024, 64 * 1024, 256 * 1024] as const;

/** Large buffers that wait for their next use, by level. */
const spare: Uint8Array[][] = SIZES.map(() => []);
const SPARE_PER_SIZE = 8;

/** Bytes kept free in front of those read, so that a length can be put there without a copy. */
export const HEADROOM = 4;

const NOTHING = new Uint8Array(0);

/**
 * The read side of a connection, with one buffer that is small while the connection idles and large
 * while reads fill it. `bytes` are those not yet consumed; a view of them is good until the next
 * {@link Peek.fill}. It does not own the connection.
 *
 * A read that does not fill its buffer goes back to the smallest at once: a read cannot be taken
 * back, so whatever buffer the last read before a silence holds, it holds for as long as the
 * silence lasts. Streams that are worth a large buffer fill it nearly every time.
 */
export class Peek implements Source {
  #buffer: Uint8Array = NOTHING;
  #level = -1;
  #start = HEADROOM;
  #end = HEADROOM;
  #filled = false;
  #filling: Promise<boolean> | undefined;
  /** Whether the end of the stream was read. */
  ended = false;

  /**
   * @param conn the connection to read.
   * @param max most bytes that may wait unconsumed.
   */
  constructor(readonly conn: Conn, readonly max: number = 64 * 1024 + 4) {}

  /** The bytes read and not yet consumed. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** How many bytes are read and not yet consumed. */
  get size(): number {
    return this.#end - this.#start;
  }

  /**
   * The first `count` bytes with the four in front of them, which were consumed or never used: the
   * caller may write what it likes there.
   */
  withHeadroom(count: number): Uint8Array {
    return this.#buffer.subarray(this.#start - HEADROOM, this.#start + count);
  }

  /** Forgets the first `count` bytes. */
  consume(count: number): void {
    this.#start += count;
  }

  /**
   * Reads once more; false at the end of the stream. While a call is pending a further one joins it,
   * so one side may watch for the end while another waits for bytes.
   *
   * @throws {RangeError} when `max` bytes wait already.
   */
  fill(): Promise<boolean> {
    if (this.#filling !== undefined) return this.#filling;
    if (this.#start === this.#end) this.#adapt();
    else if (this.size >= this.max) {
      throw new RangeError(`Cannot hold more than ${this.max} bytes that nobody consumed`);
    } else if (this.#end === this.#buffer.length) this.#grow();
    return this.#filling = this.#read();
  }

  async #read(): Promise<boolean> {
    // What is held stays within `max`; with nothing held there is no reason to read less.
    const room = this.#buffer.subarray(
      this.#end,
      this.size === 0 ? undefined : this.#start + this.max,
    );
    try {
      const got = await this.conn.read(room);
      if (got === null) {
        this.ended = true;
        return false;
      }
      this.#end += got;
      this.#filled = got === room.length;
      return true;
    } finally {
      this.#filling = undefined;
    }
  }

  /** Nothing is held: start again at the front, in a buffer of the size the last read asks for. */
  #adapt(): void {
    this.#start = this.#end = HEADROOM;
    if (this.#filled && this.#level < SIZES.length - 1) this.#switch(this.#level + 1);
    else if (!this.#filled && this.#level !== 0) this.#switch(0);
  }

  /** The buffer is full of bytes that nobody consumed yet: move them to the front, or into more. */
  #grow(): void {
    const held = this.bytes;
    if (this.#start > HEADROOM) this.#buffer.copyWithin(HEADROOM, this.#start, this.#end);
    else {
      this.#switch(this.#level + 1);
      this.#buffer.set(held, HEADROOM);
    }
    this.#start = HEADROOM;
    this.#end = HEADROOM + held.length;
  }

  #switch(level: number): void {
    const shelf = spare[this.#level];
    if (this.#level > 0 && shelf && shelf.length < SPARE_PER_SIZE) shelf.push(this.#buffer);
    this.#level = level;
    this.#buffer = spare[level]?.pop() ?? new Uint8Array(SIZES[level] ?? this.max + HEADROOM);
  }
}
