/**
 * A clock and timers in the hands of a test.
 *
 * @module
 */

interface Timer {
  at: number;
  /** Of an interval. */
  every: number | undefined;
  run: () => void;
}

/** Stands in for `Date.now` and for timers until it is disposed of. */
export class FakeTime implements Disposable {
  #clock = Date.now();
  #elapsed = 0;
  #last = 0;
  readonly #timers = new Map<number, Timer>();
  readonly #now = Date.now;
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    setInterval: globalThis.setInterval,
    clearTimeout: globalThis.clearTimeout,
    clearInterval: globalThis.clearInterval,
  };

  constructor() {
    const clear = (id?: number) => void this.#timers.delete(id ?? 0);
    Date.now = () => this.#clock;
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms: number) => this.#add(run, ms, undefined),
      setInterval: (run: () => void, ms: number) => this.#add(run, ms, ms),
      clearTimeout: clear,
      clearInterval: clear,
    });
  }

  /** Time passes, and timers run. */
  tick(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const next = [...this.#timers].toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined || next[1].at > end) break;
      const [id, timer] = next;
      this.#clock += timer.at - this.#elapsed;
      this.#elapsed = timer.at;
      if (timer.every === undefined) this.#timers.delete(id);
      else timer.at += timer.every;
      timer.run();
    }
    this.#clock += end - this.#elapsed;
    this.#elapsed = end;
  }

  /** The machine sleeps: the clock goes on, timers stand still. */
  sleep(ms: number): void {
    this.#clock += ms;
  }

  #add(run: () => void, ms: number, every: number | undefined): number {
    // What real timers do with a time that is too long.
    const wait = ms > 2 ** 31 - 1 ? 1 : ms;
    this.#timers.set(++this.#last, { at: this.#elapsed + wait, every, run });
    return this.#last;
  }

  [Symbol.dispose](): void {
    Date.now = this.#now;
    Object.assign(globalThis, this.#real);
  }
}
