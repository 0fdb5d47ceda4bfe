/**
 * Who did something a while ago, remembered for as long as it matters.
 *
 * @module
 */

/** Remembers the last time of each key, and forgets it after `ms` milliseconds. */
export class Lately {
  /** In the order of their times. */
  #last = new Map<string, number>();

  constructor(readonly ms: number) {}

  /** How many are remembered. */
  get size(): number {
    return this.#last.size;
  }

  /** It happened now. */
  note(key: string, now: number = performance.now()): void {
    this.#last.delete(key);
    this.#last.set(key, now);
    for (const [other, at] of this.#last) {
      if (now - at <= this.ms) break;
      this.#last.delete(other);
    }
  }

  /** Whether it happened at `time`, up to `ms` before it, or later. */
  near(key: string, time: number): boolean {
    const at = this.#last.get(key);
    return at !== undefined && at >= time - this.ms;
  }
}
