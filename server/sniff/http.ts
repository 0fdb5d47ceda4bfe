/**
 * HTTP/1.x: a method and a space. Whether the rest is well-formed is for the parser to say, so that
 * a visitor that means HTTP gets an HTTP answer.
 *
 * @module
 */

import type { Verdict } from "./mod.ts";

/** Longest method that is taken for one; the longest registered is 16 bytes. */
const MAX_METHOD_BYTES = 24;
const SPACE = 32;

/** Recognises a request line by its method in capitals. */
export function sniffHttp(bytes: Uint8Array): Verdict {
  // Line ends in front of a request line are tolerated, RFC 9112 §2.2.
  let start = 0;
  while (bytes[start] === 13 || bytes[start] === 10) start++;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === SPACE && at > start) return { kind: "http" };
    const letter = (byte >= 65 && byte <= 90) || byte === 45;
    if (!letter || at - start >= MAX_METHOD_BYTES) return { kind: "no" };
  }
  return { kind: "more" };
}
