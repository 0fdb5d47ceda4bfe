/**
 * What was of use lately, as long as there is room.
 *
 * @module
 */

/** A map that forgets what was not used for the longest. */
export class Recent<K, V> {
  /** Whoever was used last stands last. */
  readonly #entries = new Map<K, V>();

  /** @param room how many entries it keeps. */
  constructor(private readonly room: number) {}

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** What is kept of a key; that alone is no use of it. */
  peek(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** What is kept of a key, which is thereby used. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** Keeps a value; the one that was not used for the longest makes room. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.room) return;
    for (const oldest of this.#entries.keys()) return void this.#entries.delete(oldest);
  }

  /** Forgets a key; false if nothing was kept of it. */
  delete(key: K): boolean {
    return this.#entries.delete(key);
  }
}
