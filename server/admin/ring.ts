/**
 * The last so many of something.
 *
 * @module
 */

/** Keeps the newest, and forgets the oldest in its place. */
export class Ring<T> {
  #items: T[] = [];
  #next = 0;

  constructor(readonly size: number) {}

  /** Enters one. */
  push(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.size;
  }

  /** All that are kept, the oldest first. */
  items(): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)];
  }
}

/** The last so many rates, one a second; a quiet one costs nothing. */
export class History {
  #values: Float64Array | undefined;
  #next = 0;
  /** Seconds since the last that was not 0. */
  #quiet = 0;

  constructor(readonly size: number) {}

  /** Enters the rate of a second. */
  push(value: number): void {
    this.#quiet = value === 0 ? this.#quiet + 1 : 0;
    if (this.#quiet >= this.size) this.#values = undefined;
    if (value === 0 && this.#values === undefined) return;
    this.#values ??= new Float64Array(this.size);
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.size;
  }

  /** The last `count`, rounded, the oldest first; empty when all were 0. */
  last(count: number = this.size): number[] {
    const values = this.#values;
    if (values === undefined) return [];
    const from = this.#next + this.size - Math.min(count, this.size);
    return Array.from(
      { length: Math.min(count, this.size) },
      (_, nth) => Math.round(values[(from + nth) % this.size]!),
    );
  }
}
