/**
 * Reading a connection with look-ahead: the bytes may be looked at before it is known what they
 * are, and are passed on from the same buffer.
 *
 * @module
 */

import type { Conn } from "./transport.ts";

/** Buffer sizes a connection climbs while its reads fill the buffer, in bytes. */
const SIZES = [4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024] as const;

/** Large buffers that wait for their next use, by level. */
const spare: Uint8Array[][] = SIZES.map(() => []);
const SPARE_PER_SIZE = 8;

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
export class Peek {
  #buffer: Uint8Array = NOTHING;
  #level = -1;
  #start = 0;
  #end = 0;
  #filled = false;
  #filling: Promise<boolean> | undefined;

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
    else if (this.#end === this.#buffer.length) this.#grow();
    return this.#filling = this.#read();
  }

  async #read(): Promise<boolean> {
    const room = this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
    try {
      const got = await this.conn.read(room);
      if (got === null) return false;
      this.#end += got;
      this.#filled = got === room.length;
      return true;
    } finally {
      this.#filling = undefined;
    }
  }

  /** Nothing is held: start again at the front, in a buffer of the size the last read asks for. */
  #adapt(): void {
    this.#start = this.#end = 0;
    if (this.#filled && this.#level < SIZES.length - 1) this.#switch(this.#level + 1);
    else if (!this.#filled && this.#level !== 0) this.#switch(0);
  }

  /** The buffer is full of bytes that nobody consumed yet: move them to the front, or into more. */
  #grow(): void {
    const held = this.bytes;
    if (held.length >= this.max) {
      throw new RangeError(`Cannot hold more than ${this.max} bytes that nobody consumed`);
    }
    if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    else {
      this.#switch(this.#level + 1);
      this.#buffer.set(held);
    }
    this.#start = 0;
    this.#end = held.length;
  }

  #switch(level: number): void {
    const shelf = spare[this.#level];
    if (this.#level > 0 && shelf && shelf.length < SPARE_PER_SIZE) shelf.push(this.#buffer);
    this.#level = level;
    this.#buffer = spare[level]?.pop() ?? new Uint8Array(SIZES[level] ?? this.max);
  }
}
