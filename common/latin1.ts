/**
 * Bytes as text of the code points 0 to 255 and back, so that an offset in one is one in the other.
 *
 * `Buffer` does it natively: thirty times as fast as `String.fromCharCode` on a browser's head.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const { latin1Slice, latin1Write } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
};

/** The bytes from `start` to `end` as text. */
export function latin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  return latin1Slice.call(bytes, start, end);
}

/** The text as bytes; its code points must be below 256. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  putLatin1(bytes, text, 0);
  return bytes;
}

/** Writes the text into `bytes` from `at` on, and returns where it ends. */
export function putLatin1(bytes: Uint8Array, text: string, at: number): number {
  return at + latin1Write.call(bytes, text, at, text.length);
}
