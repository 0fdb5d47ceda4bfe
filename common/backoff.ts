/**
 * How long to wait before the next try.
 *
 * Full jitter: a random time between nothing and a ceiling that doubles, so that a thousand clients
 * of a server that was restarted do not come back in one wave.
 *
 * @see {@link https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/}
 * @module
 */

/** Options of {@link Backoff}; times in milliseconds. */
export interface BackoffOptions {
  /** Ceiling of the first wait. */
  min?: number;
  /** Ceiling that is never passed. */
  max?: number;
  /** A link that lived so long starts over. */
  resetAfter?: number;
  /** Source of numbers in [0, 1). */
  random?: () => number;
}

/** The waits between the tries of one link. */
export class Backoff {
  #ceiling: number;
  readonly #options: Required<BackoffOptions>;

  constructor(
    { min = 500, max = 30_000, resetAfter = 30_000, random = Math.random }: BackoffOptions = {},
  ) {
    this.#options = { min: Math.min(min, max), max, resetAfter, random };
    this.#ceiling = this.#options.min;
  }

  /** Milliseconds to wait now; `lived` is how long the link that just ended was up. */
  next(lived = 0): number {
    const { min, max, resetAfter, random } = this.#options;
    if (lived >= resetAfter) this.#ceiling = min;
    const wait = random() * this.#ceiling;
    this.#ceiling = Math.min(this.#ceiling * 2, max);
    return wait;
  }
}
