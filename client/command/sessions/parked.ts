/**
 * CLIs that wait for another turn: each for a while, and not too many of them.
 *
 * @module
 */

/** Something that can wait, and be ended. */
export interface Parkable {
  /** Ends it; never rejects. */
  close(): Promise<void>;
}

/** Those that wait, the one that has waited longest first. */
export class Parked implements AsyncDisposable {
  readonly #waiting = new Map<Parkable, ReturnType<typeof setTimeout>>();

  /**
   * @param max how many may wait; with one more, the one that has waited longest ends.
   * @param patience milliseconds that one waits.
   */
  constructor(private readonly max: number, private readonly patience: number) {}

  /** It waits from now on. */
  add(one: Parkable): void {
    this.delete(one);
    this.#waiting.set(one, setTimeout(() => this.#end(one), this.patience));
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= this.max) break;
      this.#end(oldest);
    }
  }

  /** It waits no more. */
  delete(one: Parkable): void {
    clearTimeout(this.#waiting.get(one));
    this.#waiting.delete(one);
  }

  #end(one: Parkable): void {
    this.delete(one);
    void one.close();
  }

  /** Ends all. */
  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#waiting.keys()];
    for (const one of all) this.delete(one);
    await Promise.all(all.map((one) => one.close()));
  }
}
