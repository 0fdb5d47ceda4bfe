/**
 * Bytes that both ends of a transfer can make: nothing but their seed has to be told.
 * @module
 */
import { createHash } from "node:crypto";

/** `count` bytes that follow from `seed`; equal seeds begin alike. */
export function noise(seed: number, count: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(count / 4));
  let state = (seed * 0x9e3779b9) >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, count);
}

/** SHA-256, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
