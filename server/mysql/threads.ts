/**
 * The numbers of connections that visitors were greeted with, before it was known with whose.
 *
 * @module
 */

/**
 * The numbers are from here to below twice that: higher than those of services that have not had as
 * many connections, all of ten digits, and not negative to drivers that take them for signed.
 */
const LEAST = 2 ** 30;

interface Thread {
  /** Id of its client. */
  client: string;
  real: number;
}

/** The live sessions of visitors: their numbers, and those that their services gave them. */
export class Threads {
  #live = new Map<number, Thread>();

  /** How many there are: no more than visitors. */
  get size(): number {
    return this.#live.size;
  }

  /** A number for another visitor, which nobody can guess. */
  fresh(): number {
    const [noise = 0] = crypto.getRandomValues(new Uint32Array(1));
    const ours = LEAST + noise % LEAST;
    return this.#live.has(ours) ? this.fresh() : ours;
  }

  /** Enters a session until disposed; a number that is taken stays with whom it is. */
  enter(ours: number, client: string, real: number): Disposable {
    const taken = this.#live.has(ours);
    if (!taken) this.#live.set(ours, { client, real });
    return { [Symbol.dispose]: () => void (taken || this.#live.delete(ours)) };
  }

  /** The service's number for a session of this client: those of others are none of its business. */
  find(ours: number, client: string): number | undefined {
    const thread = this.#live.get(ours);
    return thread?.client === client ? thread.real : undefined;
  }
}
