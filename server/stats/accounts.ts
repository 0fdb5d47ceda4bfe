/**
 * The accounts of all clients: those online, and for a while those that left.
 *
 * @module
 */

import { Account, type Waits } from "./account.ts";

/** How long a client that left keeps its account, in milliseconds, and how many of them do. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_MAX = 1000;
/** Clients that metrics name; the rest is one, so that no crowd of them costs a monitor its memory. */
export const MAX_LABELS = 1000;
/** What that one is called; no tag looks like it. */
const OTHER = "other";

/** Accounts by tag. */
export class Accounts {
  #byTag = new Map<string, Account>();
  #labels = 0;
  /** What the forgotten ones came to. */
  readonly forgotten: Account = new Account(OTHER, OTHER);
  /** Those of them that metrics did not name. */
  #unnamed = new Account(OTHER, OTHER);

  constructor(private readonly all: Waits) {}

  /** The account of a client, new or as it was left. */
  of(tag: string): Account {
    let account = this.#byTag.get(tag);
    if (account === undefined) {
      const named = this.#labels < MAX_LABELS;
      if (named) this.#labels++;
      account = new Account(tag, named ? tag : OTHER, this.all);
      this.#byTag.set(tag, account);
    }
    return account;
  }

  /** The account of a client that is online, or was here a while ago. */
  find(tag: string): Account | undefined {
    return this.#byTag.get(tag);
  }

  /** How many there are. */
  get size(): number {
    return this.#byTag.size;
  }

  /** One by one. */
  [Symbol.iterator](): IterableIterator<Account> {
    return this.#byTag.values();
  }

  /** As metrics have them: at most {@link MAX_LABELS}, and one for the rest if there is a rest. */
  labelled(): Account[] {
    const named: Account[] = [];
    const rest = new Account(OTHER, OTHER);
    let crowded = this.#unnamed.registrations > 0;
    rest.absorb(this.#unnamed);
    for (const account of this.#byTag.values()) {
      if (account.label !== OTHER) named.push(account);
      else {
        rest.absorb(account);
        rest.online += account.online;
        crowded = true;
      }
    }
    if (crowded) named.push(rest);
    return named;
  }

  /** What all that ever were come to. */
  total(): Account {
    const total = new Account(OTHER, OTHER);
    total.absorb(this.forgotten);
    for (const account of this.#byTag.values()) {
      total.absorb(account);
      total.online += account.online;
    }
    return total;
  }

  /** Every second or so: forgets clients that left long ago, or that too many left after. */
  sweep(now: number = Date.now()): void {
    const offline = [...this.#byTag.values()].filter(({ online }) => online <= 0);
    if (offline.length > REMEMBER_MAX) offline.sort((a, b) => a.leftAt - b.leftAt);
    const surplus = offline.length - REMEMBER_MAX;
    for (const [nth, account] of offline.entries()) {
      if (nth < surplus || now - account.leftAt > REMEMBER_MS) this.#forget(account);
    }
  }

  #forget(account: Account): void {
    this.#byTag.delete(account.tag);
    this.forgotten.absorb(account);
    if (account.label === OTHER) this.#unnamed.absorb(account);
    else this.#labels--;
  }
}
