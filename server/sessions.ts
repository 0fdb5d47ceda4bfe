/**
 * Sessions that a later connection may refer to, such as the one whose query it wants to cancel.
 *
 * @module
 */

import type { Client } from "./registry.ts";

/** Live sessions by their key. */
export class Sessions {
  #clients = new Map<string, Client>();

  /** Sessions that are alive. */
  get size(): number {
    return this.#clients.size;
  }

  /** Enters a session until disposed; a key that is taken stays with whom it is. */
  enter(key: string, client: Client): Disposable {
    const taken = this.#clients.has(key);
    if (!taken) this.#clients.set(key, client);
    return { [Symbol.dispose]: () => void (taken || this.#clients.delete(key)) };
  }

  /** The client of a session. */
  find(key: string): Client | undefined {
    return this.#clients.get(key);
  }
}
