/**
 * Reading a visitor that has only so much time.
 *
 * @module
 */

import type { Peek } from "@agentx/common";

/**
 * When the program was held up its timers are due before what came meanwhile is read; so much longer,
 * in milliseconds, and that was read as well.
 */
const READ_MS = 10;

/** Reads, and tells when a time has passed. Every visitor passes through here once. */
export class Patience<What extends string> implements Disposable {
  #timers: ReturnType<typeof setTimeout>[] = [];
  #due: What[] = [];
  #wake: ((what: What) => void) | undefined;

  constructor(private readonly peek: Peek) {}

  /** From now on, {@link Patience.read} will tell of this once so many milliseconds have passed. */
  until(ms: number, what: What): void {
    this.#timers.push(setTimeout(() => {
      this.#timers.push(setTimeout(() => this.#tell(what), READ_MS));
    }, ms));
  }

  /** {@link Peek.fill}, or what time it is; the read then goes on, and the next call joins it. */
  read(): Promise<boolean | What> {
    const due = this.#due.shift();
    if (due !== undefined) return Promise.resolve(due);
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      this.peek.fill().then((more) => {
        this.#wake = undefined;
        resolve(more);
      }, reject);
    });
  }

  #tell(what: What): void {
    if (this.#wake === undefined) this.#due.push(what);
    else this.#wake(what);
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
