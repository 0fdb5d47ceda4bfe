/**
 * Sessions that a later connection may refer to, such as the one whose query it wants to cancel.
 *
 * @module
 */

import type { Client } from "./registry.ts";

/** Live sessions by their key. */
export class Sessions {
  #clients = new Map<string, Client[]>();

  /** Keys of sessions that are alive. */
  get size(): number {
    return this.#clients.size;
  }

  /** Enters a session until disposed. */
  enter(key: string, client: Client): Disposable {
    const clients = this.#clients.get(key) ?? [];
    this.#clients.set(key, clients);
    clients.push(client);
    return {
      [Symbol.dispose]: () => {
        clients.splice(clients.indexOf(client), 1);
        if (clients.length === 0) this.#clients.delete(key);
      },
    };
  }

  /** The client of a session; undefined while sessions of several have that key. */
  find(key: string): Client | undefined {
    const [client, ...others] = this.#clients.get(key) ?? [];
    return others.every(({ id }) => id === client?.id) ? client : undefined;
  }
}
