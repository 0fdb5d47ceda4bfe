/**
 * How many warm tunnels a client's visitors call for.
 *
 * A tunnel that is taken comes back after one refill: the time from asking the client to its new
 * connection. So as many as arrive during one refill must be warm for nobody to wait.
 *
 * @module
 */

/** Shortest window to count arrivals in, in milliseconds: below it, chance rules. */
const MIN_WINDOW_MS = 20;
/** Weight of the newest refill time in the running mean. */
const SMOOTHING = 0.2;
/** What is left of an old peak after each {@link Demand.decay}. */
const DECAY = 0.7;

/** Counts the arrivals of visitors against the measured refill time. */
export class Demand {
  #refill = MIN_WINDOW_MS;
  #windowStart = -Infinity;
  #count = 0;
  #peak = 0;

  /** A visitor arrived at `now` (milliseconds, monotonic). */
  arrived(now: number): void {
    if (now - this.#windowStart > Math.max(this.#refill, MIN_WINDOW_MS)) {
      this.#windowStart = now;
      this.#count = 0;
    }
    this.#peak = Math.max(this.#peak, ++this.#count);
  }

  /** A tunnel came `ms` after it was asked for. */
  refilled(ms: number): void {
    this.#refill += SMOOTHING * (ms - this.#refill);
  }

  /** Forgets a part of the peak; call at regular times. */
  decay(): void {
    this.#peak *= DECAY;
  }

  /** Most arrivals during one refill, of late. */
  get peak(): number {
    return Math.round(this.#peak);
  }
}
