/**
 * Clients that the owner of the server sent away for a while.
 *
 * @module
 */

import { RegistrationError } from "./registration_error.ts";

/** What a client is told that was sent away. */
export const SENT_AWAY = "the owner of this server sent this client away";
/** Bans at a time; one more ends the one that would end first. */
const MAX_BANS = 1000;

/** One of them. */
interface Ban {
  /** Its id and aliases. */
  readonly names: readonly string[];
  /** By `performance.now()`. */
  readonly until: number;
}

/**
 * Names of clients that nobody may register by for a while: neither as an id nor as an alias. A server
 * that restarts has forgotten them.
 */
export class Bans {
  #bans = new Set<Ban>();
  #byName = new Map<string, Ban>();

  /** How many are in force. */
  get size(): number {
    return this.#bans.size;
  }

  /** Names that are taken by them. */
  get names(): number {
    return this.#byName.size;
  }

  /**
   * Bans a client for so many seconds from now on; 0 lifts its ban.
   *
   * @param names its id, and then its aliases. Those that another ban holds for longer stay with that.
   */
  set(names: readonly string[], seconds: number, now: number = performance.now()): void {
    const last = this.#byName.get(names[0]!);
    if (last?.names[0] === names[0]) this.#lift(last);
    if (seconds <= 0) return;
    for (const ban of this.#bans) if (ban.until <= now) this.#lift(ban);
    const ban: Ban = { names, until: now + seconds * 1000 };
    this.#bans.add(ban);
    for (const name of names) {
      const other = this.#byName.get(name);
      if (other === undefined || other.until < ban.until) this.#byName.set(name, ban);
    }
    if (this.#bans.size <= MAX_BANS) return;
    const [first] = [...this.#bans].sort((one, other) => one.until - other.until);
    this.#lift(first);
  }

  /** Those in force: the first name of each, which is an id, and the seconds that are left. */
  *inForce(now: number = performance.now()): Generator<[id: string, seconds: number]> {
    for (const { names: [id = ""], until } of this.#bans) {
      if (until > now) yield [id, Math.ceil((until - now) / 1000)];
    }
  }

  /** @throws {RegistrationError} with the time that is left, while a name is banned. */
  check(name: string, now: number = performance.now()): void {
    const ban = this.#byName.get(name);
    if (ban === undefined) return;
    if (ban.until <= now) return this.#lift(ban);
    throw new RegistrationError(
      `${SENT_AWAY} for a while`,
      Math.ceil((ban.until - now) / 1000),
      "banned",
    );
  }

  #lift(ban: Ban | undefined): void {
    if (ban === undefined) return;
    this.#bans.delete(ban);
    for (const name of ban.names) if (this.#byName.get(name) === ban) this.#byName.delete(name);
  }
}
