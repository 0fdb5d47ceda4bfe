/**
 * What was found out before, as long as there is room.
 *
 * @module
 */

/** A map that forgets what was not asked for the longest. */
export class Lru<V> {
  readonly #entries = new Map<string, V>();

  /** @param room how many entries it keeps. */
  constructor(private readonly room: number) {}

  /** What is kept of a key, which is then asked for last. */
  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** Keeps a value; the one that was not asked for the longest makes room. */
  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.room) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }
}
