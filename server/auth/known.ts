/**
 * What was checked before, so that it need not be again.
 *
 * @module
 */

import { Recent } from "@agentx/common";
import { createHmac, randomBytes } from "node:crypto";

/** Marks of what is true, the latest used kept. They tell nothing of what they stand for. */
export class Known {
  /** Of this process alone: nobody can compute a mark elsewhere. */
  readonly #key = randomBytes(32);
  readonly #marks: Recent<string, true>;

  /** @param max how many are kept. */
  constructor(max: number) {
    this.#marks = new Recent(max);
  }

  /** How many there are. */
  get size(): number {
    return this.#marks.size;
  }

  /** The mark of some texts together, in that order. */
  mark(...texts: string[]): string {
    return createHmac("sha256", this.#key).update(JSON.stringify(texts)).digest("hex");
  }

  /** Whether it was added. */
  has(mark: string): boolean {
    return this.#marks.get(mark) === true;
  }

  /** Adds a mark; of too many the one that was not used for longest goes. */
  add(mark: string): void {
    this.#marks.set(mark, true);
  }
}
