/**
 * The two shapes that counters have: how often each thing happened, and how long something took.
 *
 * @module
 */

/** Different things that one {@link Tally} tells apart; a bound, not a limit that anybody meets. */
const MAX_KINDS = 256;
/** What the rest is counted as. */
const OTHER = "other";

/** How often each of a few things happened; each is named by short words with a space between. */
export class Tally {
  #counts = new Map<string, number>();

  /** It happened, so often. */
  add(what: string, count = 1): void {
    const known = this.#counts.get(what);
    if (known === undefined && this.#counts.size >= MAX_KINDS) {
      if (what !== OTHER) this.add(OTHER, count);
      else this.#counts.set(OTHER, count);
    } else this.#counts.set(what, (known ?? 0) + count);
  }

  /** How often it happened. */
  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** How often all of it happened. */
  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** The words of each, and how often. */
  *[Symbol.iterator](): Generator<[words: string[], count: number]> {
    for (const [kind, count] of this.#counts) yield [kind.split(" "), count];
  }
}

/** How long something took, in seconds, as a Prometheus histogram has it. */
export class Histogram {
  /** How often it took at most so many seconds and longer than the bound before; the last is +Inf. */
  readonly counts: number[];
  /** Seconds, all together. */
  sum = 0;
  /** How often. */
  count = 0;
  /** Is told of each as well. */
  observer: ((seconds: number) => void) | undefined;

  /** @param bounds in seconds, rising. */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** It took so many seconds. */
  observe(seconds: number): void {
    let at = 0;
    while (at < this.bounds.length && seconds > this.bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += seconds;
    this.count++;
    this.observer?.(seconds);
  }

  /**
   * An estimate of what so large a part of them took at most, in seconds: linear within a bucket,
   * and the highest bound beyond it. 0 when there were none.
   */
  quantile(part: number): number {
    const rank = part * this.count;
    let below = 0;
    for (const [at, bound] of this.bounds.entries()) {
      const here = this.counts[at]!;
      if (here > 0 && below + here >= rank) {
        const low = this.bounds[at - 1] ?? 0;
        return low + (bound - low) * (rank - below) / here;
      }
      below += here;
    }
    return this.count === 0 ? 0 : this.bounds.at(-1) ?? 0;
  }
}
