/**
 * What was checked before, so that it need not be again.
 *
 * @module
 */

import { createHmac, randomBytes } from "node:crypto";

/** Marks of what is true, the latest used kept. They tell nothing of what they stand for. */
export class Known {
  /** Of this process alone: nobody can compute a mark elsewhere. */
  readonly #key = randomBytes(32);
  readonly #marks = new Set<string>();

  constructor(private readonly max: number) {}

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
    if (!this.#marks.delete(mark)) return false;
    this.#marks.add(mark); // the latest stands last
    return true;
  }

  /** Adds a mark; of too many the one that was not used for longest goes. */
  add(mark: string): void {
    this.#marks.delete(mark);
    this.#marks.add(mark);
    if (this.#marks.size <= this.max) return;
    const [oldest] = this.#marks;
    this.#marks.delete(oldest!);
  }
}
