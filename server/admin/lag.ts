/**
 * How late the event loop is: everything that the server does waits for it.
 *
 * @module
 */

import { Histogram } from "../stats/tally.ts";

/** Time between two looks, in milliseconds. */
const EVERY_MS = 100;
/** In seconds. */
const BOUNDS = [.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5];

/** Measures how much later than asked for a timer goes off, until disposed. */
export class Lag implements Disposable {
  /** All delays so far. */
  readonly delays: Histogram = new Histogram(BOUNDS);
  #worst = 0;
  #timer: ReturnType<typeof setInterval>;

  constructor() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const late = Math.max(0, now - last - EVERY_MS) / 1000;
      last = now;
      this.delays.observe(late);
      this.#worst = Math.max(this.#worst, late);
    }, EVERY_MS);
  }

  /** The worst delay since this was asked last, in seconds. */
  takeWorst(): number {
    const worst = this.#worst;
    this.#worst = 0;
    return worst;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
