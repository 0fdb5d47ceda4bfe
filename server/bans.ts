/**
 * Clients that the owner of the server sent away for a while.
 *
 * @module
 */

import { RegistrationError } from "./registry.ts";

/** Bans at a time; one more ends the one that would end first. */
const MAX_BANS = 1000;

/** Client ids that may not register for a while. A server that restarts has forgotten them. */
export class Bans {
  #until = new Map<string, number>();

  /** How many are in force. */
  get size(): number {
    return this.#until.size;
  }

  /** Bans an id for so many seconds from now on; 0 lifts its ban. */
  set(id: string, seconds: number, now: number = performance.now()): void {
    this.#until.delete(id);
    if (seconds <= 0) return;
    this.#until.set(id, now + seconds * 1000);
    for (const [other, until] of this.#until) if (until <= now) this.#until.delete(other);
    if (this.#until.size <= MAX_BANS) return;
    const [first] = [...this.#until].sort(([, a], [, b]) => a - b);
    this.#until.delete(first![0]);
  }

  /** @throws {RegistrationError} with the time that is left, while an id is banned. */
  check(id: string, now: number = performance.now()): void {
    const until = this.#until.get(id);
    if (until === undefined) return;
    if (until <= now) return void this.#until.delete(id);
    throw new RegistrationError(
      "the owner of this server sent this client away for a while",
      Math.ceil((until - now) / 1000),
      "banned",
    );
  }
}
