/**
 * How long to wait before the next try.
 *
 * Full jitter: a random time between nothing and a ceiling that doubles, so that a thousand clients
 * of a server that was restarted do not come back in one wave.
 *
 * @see {@link https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/}
 * @module
 */

/** Longest wait that somebody else may wish for, in milliseconds: it may be out of its mind. */
const MAX_WISH_MS = 5 * 60_000;
/** How far the waits grow that somebody else wishes for, unless `max` lets them further. */
const MAX_WISHED_MS = 60_000;

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
  /** The last wait that somebody else wished for, if the try before was answered by a wish too. */
  #floor = 0;
  readonly #options: Required<BackoffOptions>;

  constructor(
    { min = 500, max = 30_000, resetAfter = 30_000, random = Math.random }: BackoffOptions = {},
  ) {
    this.#options = { min: Math.min(min, max), max, resetAfter, random };
    this.#ceiling = this.#options.min;
  }

  /**
   * Milliseconds to wait now.
   *
   * @param lived how long the link that just ended was up.
   * @param wish what the other side wants to be left alone for, at the least. One wish after another
   * doubles it, up to a minute or `max`: the same answer is to be expected.
   * @param most ceiling of this wait, for a try that costs nobody anything.
   */
  next(lived = 0, wish = 0, most = Infinity): number {
    const { min, max, resetAfter, random } = this.#options;
    if (lived >= resetAfter) [this.#ceiling, this.#floor] = [min, 0];
    const wait = random() * Math.min(this.#ceiling, most);
    this.#ceiling = Math.max(this.#ceiling, Math.min(this.#ceiling * 2, max, most));
    if (!(wish > 0)) {
      this.#floor = 0;
      return wait;
    }
    const doubled = Math.min(this.#floor * 2, Math.max(MAX_WISHED_MS, max));
    this.#floor = Math.max(Math.min(wish, MAX_WISH_MS), doubled);
    // Not before, and not all at the same time after it.
    return this.#floor * (1 + random() / 2);
  }
}
