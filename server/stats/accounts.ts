/**
 * The accounts of all clients: those online, and for a while those that left.
 *
 * @module
 */

import { Account, type Waits } from "./account.ts";

/** How long a client that left keeps its account, in milliseconds, and how many of them do. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_MAX = 1000;
/**
 * Clients that metrics name, of all that were here in the time that one is remembered; the rest is one,
 * so that no crowd of them, however fast they take turns, costs a monitor its memory.
 */
export const MAX_LABELS = 1000;
/** What that one is called; no tag looks like it. */
const OTHER = "other";

/** Accounts by tag. */
export class Accounts {
  #byTag = new Map<string, Account>();
  /** Of those with a label of their own; for those that were forgotten, when they left. */
  #labels = new Map<string, number>();
  /** What the forgotten ones came to. */
  readonly forgotten: Account = new Account(OTHER, OTHER);
  /** Those of them that metrics did not name. */
  #unnamed = new Account(OTHER, OTHER);

  constructor(private readonly all: Waits) {}

  /** The account of a client, new or as it was left. */
  of(tag: string): Account {
    let account = this.#byTag.get(tag);
    if (account === undefined) {
      const named = this.#labels.has(tag) || this.#labels.size < MAX_LABELS;
      if (named) this.#labels.set(tag, Infinity);
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

  /**
   * Every second or so: forgets clients that left long ago, or that too many left after.
   *
   * @param visited those that still have visitors, by tunnels that their clients left behind: what
   * these come to has to be counted yet.
   */
  sweep(
    now: number = Date.now(),
    visited: () => ReadonlySet<Account> = () => new Set(),
  ): void {
    for (const [tag, leftAt] of this.#labels) {
      if (now - leftAt > REMEMBER_MS) this.#labels.delete(tag);
    }
    const left = [...this.#byTag.values()].filter(({ online }) => online <= 0);
    const isOld = ({ leftAt }: Account) => now - leftAt > REMEMBER_MS;
    if (left.length <= REMEMBER_MAX && !left.some(isOld)) return;
    const busy = visited();
    const idle = left.filter((account) => !busy.has(account));
    if (idle.length > REMEMBER_MAX) idle.sort((a, b) => a.leftAt - b.leftAt);
    const surplus = idle.length - REMEMBER_MAX;
    for (const [nth, account] of idle.entries()) {
      if (nth < surplus || isOld(account)) this.#forget(account, isOld(account));
    }
  }

  /** @param old whether its label may be another's from now on. */
  #forget(account: Account, old: boolean): void {
    const { tag, label, leftAt } = account;
    this.#byTag.delete(tag);
    this.forgotten.absorb(account);
    if (label === OTHER) this.#unnamed.absorb(account);
    else if (old) this.#labels.delete(tag);
    else this.#labels.set(tag, leftAt);
  }
}
