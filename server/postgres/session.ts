/**
 * The key of a session: who has it may cancel what runs there, by a connection of its own.
 *
 * @see {@link https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS | PostgreSQL: Canceling Requests in Progress}
 * @module
 */

import type { ReplyWatch } from "../sniff/mod.ts";

/** Process id and secret key: 4 bytes each in protocol 3.0, the secret up to 256 in 3.2. */
export const MIN_KEY_BYTES = 8;
export const MAX_KEY_BYTES = 4 + 256;

/** Type and length. */
const HEADER_BYTES = 5;
const KEY_DATA = 75; // "K"
/** `ErrorResponse` and `ReadyForQuery`: behind them comes no key. */
const LAST = [69, 90];

/** The session of a key, as `BackendKeyData` and `CancelRequest` carry it. */
export function sessionOf(key: Uint8Array): string {
  return `postgres:${key.toHex()}`;
}

/** Finds `BackendKeyData` among a service's first messages; of the others it keeps nothing. */
export class KeyWatch implements ReplyWatch {
  session: string | undefined;
  #header = new Uint8Array(HEADER_BYTES);
  #read = 0;
  /** What is left of the message at hand, once its header is read. */
  #left = 0;
  #key: Uint8Array | undefined;
  #done = false;

  /** {@link ReplyWatch.see} */
  see(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length && !this.#done;) {
      if (this.#left === 0) {
        this.#header[this.#read++] = bytes[at++]!;
        if (this.#read === HEADER_BYTES) this.#begin();
        continue;
      }
      const piece = bytes.subarray(at, at + this.#left);
      this.#key?.set(piece, this.#key.length - this.#left);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#left > 0 || this.#key === undefined) continue;
      this.session = sessionOf(this.#key);
      this.#done = true;
    }
    return !this.#done;
  }

  #begin(): void {
    const type = this.#header[0]!;
    const left = new DataView(this.#header.buffer).getUint32(1) - 4;
    this.#read = 0;
    this.#left = left;
    const key = type === KEY_DATA;
    const odd = left < 0 || (key && (left < MIN_KEY_BYTES || left > MAX_KEY_BYTES));
    if (odd || LAST.includes(type)) this.#done = true;
    else if (key) this.#key = new Uint8Array(left);
  }
}
