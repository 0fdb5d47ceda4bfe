/**
 * Bytes of a program's own, ready to be passed on like those of a connection.
 *
 * @module
 */

import { HEADROOM } from "./peek.ts";
import type { Source } from "./relay.ts";

/** A fixed piece of bytes with room in front, so that a sink can put a length there. */
export class Block implements Source {
  /** The bytes; the owner fills them. */
  readonly bytes: Uint8Array;
  readonly #whole: Uint8Array;

  /** @param size how many bytes, zero at first. */
  constructor(readonly size: number) {
    this.#whole = new Uint8Array(HEADROOM + size);
    this.bytes = this.#whole.subarray(HEADROOM);
  }

  /** {@link Source.withHeadroom} */
  withHeadroom(count: number): Uint8Array {
    return count === this.size ? this.#whole : this.#whole.subarray(0, HEADROOM + count);
  }

  /** Does nothing: the bytes may be sent again. */
  consume(_count: number): void {}

  /** There are no more. */
  fill(): Promise<boolean> {
    return Promise.resolve(false);
  }
}
