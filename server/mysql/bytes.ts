/**
 * The data types of MySQL's protocol: little-endian integers, and strings that end with a zero, with
 * the packet, or after a length. Text stands for bytes as Latin-1: a name keeps its bytes whatever
 * its character set is.
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_data_types.html | MySQL: Protocol Basics, Data Types}
 * @module
 */

import { latin1, latin1Bytes } from "@agentx/common";

/** First byte of an integer that takes so many more; smaller ones stand for themselves. */
const LENENC = { two: 0xfc, three: 0xfd, eight: 0xfe } as const;
const EMPTY = new Uint8Array(0);

/**
 * Takes a packet apart, front to back. It never throws: what is not there reads as zero or empty,
 * and {@link Reader.ok} then stays false, so that one look at the end is enough.
 */
export class Reader {
  /** Whether everything read so far was there. */
  ok = true;
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** How many bytes follow. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** The next `count` bytes, as a view. */
  take(count: number): Uint8Array {
    if (count > this.left) {
      this.ok = false;
      this.#at = this.bytes.length;
      return EMPTY;
    }
    this.#at += count;
    return this.bytes.subarray(this.#at - count, this.#at);
  }

  /** The next `count` bytes as text. */
  text(count: number): string {
    return latin1(this.take(count));
  }

  /** An integer of 1 to 6 bytes. */
  int(size: number): number {
    return this.take(size).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }

  /** An integer that says its own size. */
  lenenc(): number {
    const first = this.int(1);
    if (first < 0xfb) return first;
    if (first === LENENC.two) return this.int(2);
    if (first === LENENC.three) return this.int(3);
    if (first === LENENC.eight) {
      const low = this.int(4);
      // No packet is that long; and a number could not hold it all.
      if (this.int(4) === 0) return low;
    }
    this.ok = false;
    return 0;
  }

  /** Text up to a zero. */
  untilZero(): string {
    const end = this.bytes.indexOf(0, this.#at);
    if (end < 0) this.ok = false;
    const text = this.text((end < 0 ? this.bytes.length : end) - this.#at);
    this.take(end < 0 ? 0 : 1);
    return text;
  }

  /** Text up to a zero, or to the end where old programs leave that out. */
  untilZeroOrEnd(): string {
    return this.bytes.indexOf(0, this.#at) < 0 ? this.text(this.left) : this.untilZero();
  }
}

/** Puts a packet together, front to back. */
export class Writer {
  #bytes = new Uint8Array(256);
  #size = 0;

  /** What was written. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Bytes as they are. */
  put(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes);
    return this;
  }

  /** The bytes of a text. */
  text(text: string): this {
    return this.put(latin1Bytes(text));
  }

  /** The bytes of a text, and a zero. */
  zeroEnded(text: string): this {
    return this.text(text).int(1, 0);
  }

  /** An integer of `size` bytes. */
  int(size: number, value: number): this {
    const room = this.#room(size);
    for (let at = 0; at < size; at++) {
      room[at] = value % 256;
      value = Math.floor(value / 256);
    }
    return this;
  }

  /** So many zeros. */
  zeros(count: number): this {
    this.#room(count).fill(0);
    return this;
  }

  /** An integer below 2³², with its size. */
  lenenc(value: number): this {
    if (value < 0xfb) return this.int(1, value);
    if (value < 0x10000) return this.int(1, LENENC.two).int(2, value);
    if (value < 0x1000000) return this.int(1, LENENC.three).int(3, value);
    return this.int(1, LENENC.eight).int(4, value).int(4, 0);
  }

  #room(count: number): Uint8Array {
    const end = this.#size + count;
    if (end > this.#bytes.length) {
      const more = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      more.set(this.bytes);
      this.#bytes = more;
    }
    const room = this.#bytes.subarray(this.#size, end);
    this.#size = end;
    return room;
  }
}
