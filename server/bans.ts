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
  /** Each by its id. */
  #bans = new Map<string, Ban>();
  /** Those that hold a name: two clients may share an alias. */
  #byName = new Map<string, Set<Ban>>();

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
   * @param names its id, and then its aliases.
   */
  set(names: readonly string[], seconds: number, now: number = performance.now()): void {
    const id = names[0]!;
    this.#lift(this.#bans.get(id));
    if (seconds <= 0) return;
    for (const ban of this.#bans.values()) if (ban.until <= now) this.#lift(ban);
    const ban: Ban = { names, until: now + seconds * 1000 };
    this.#bans.set(id, ban);
    for (const name of names) {
      const holders = this.#byName.get(name) ?? new Set();
      this.#byName.set(name, holders.add(ban));
    }
    if (this.#bans.size <= MAX_BANS) return;
    const [first] = [...this.#bans.values()].sort((one, other) => one.until - other.until);
    this.#lift(first);
  }

  /** Those in force: the id of each, and the seconds that are left. */
  *inForce(now: number = performance.now()): Generator<[id: string, seconds: number]> {
    for (const [id, { until }] of this.#bans) {
      if (until > now) yield [id, Math.ceil((until - now) / 1000)];
    }
  }

  /** @throws {RegistrationError} with the time that is left, while a name is banned. */
  check(name: string, now: number = performance.now()): void {
    for (const ban of [...this.#byName.get(name) ?? []]) if (ban.until <= now) this.#lift(ban);
    const left = Array.from(this.#byName.get(name) ?? [], ({ until }) => until - now);
    if (left.length === 0) return;
    throw new RegistrationError(
      `${SENT_AWAY} for a while`,
      Math.ceil(Math.max(...left) / 1000),
      "banned",
    );
  }

  #lift(ban: Ban | undefined): void {
    if (ban === undefined) return;
    this.#bans.delete(ban.names[0]!);
    for (const name of ban.names) {
      const holders = this.#byName.get(name);
      holders?.delete(ban);
      if (holders?.size === 0) this.#byName.delete(name);
    }
  }
}
