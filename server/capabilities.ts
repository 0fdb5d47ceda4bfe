/**
 * What a server asked its clients for: each tunnel by a capability, which is good once, for a while,
 * and for the client that it was sent to.
 *
 * @module
 */

/** How long a capability is good for, in milliseconds. */
const EXPIRY_MS = 10_000;

interface Ask<Holder> {
  holder: Holder;
  /** When, by `performance.now()`. */
  at: number;
  /** Where the tunnel is expected from; see `addressKey`. */
  from: string;
}

/** A capability that was used. */
export interface Redeemed<Holder> {
  holder: Holder;
  /** Milliseconds from when it was issued. */
  took: number;
}

/** The capabilities that nobody used yet. */
export class Capabilities<Holder extends { readonly id: string }> {
  /** In the order in which they were issued. */
  #asks = new Map<string, Ask<Holder>>();
  #from = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#asks.size;
  }

  /** How many were issued to holders at an address, as an `addressKey`. */
  countFrom(address: string): number {
    return this.#from.get(address) ?? 0;
  }

  /** New ones, of 128 random bits in hexadecimal, for a holder at that address. */
  issue(
    holder: Holder,
    from: string,
    count: number,
    at: number = performance.now(),
  ): string[] {
    this.#count(from, count);
    return Array.from({ length: count }, () => {
      const capability = crypto.getRandomValues(new Uint8Array(16)).toHex();
      this.#asks.set(capability, { holder, at, from });
      return capability;
    });
  }

  /**
   * Uses one up.
   *
   * @param id of who shows it.
   * @returns undefined when it is none, or another's, whose it stays.
   */
  redeem(
    capability: string,
    id: string,
    now: number = performance.now(),
  ): Redeemed<Holder> | undefined {
    const ask = this.#asks.get(capability);
    if (ask === undefined || ask.holder.id !== id) return undefined;
    this.#settle(capability, ask);
    return { holder: ask.holder, took: now - ask.at };
  }

  /** Takes back all of one holder. */
  withdraw(holder: Holder): void {
    for (const [capability, ask] of this.#asks) {
      if (ask.holder === holder) this.#settle(capability, ask);
    }
  }

  /** Forgets those that are too old; returns whose each of them was. */
  expire(now: number = performance.now()): Holder[] {
    const late: Holder[] = [];
    for (const [capability, ask] of this.#asks) {
      if (now - ask.at < EXPIRY_MS) break;
      this.#settle(capability, ask);
      late.push(ask.holder);
    }
    return late;
  }

  #settle(capability: string, { from }: Ask<Holder>): void {
    this.#asks.delete(capability);
    this.#count(from, -1);
  }

  #count(from: string, more: number): void {
    const count = this.countFrom(from) + more;
    if (count > 0) this.#from.set(from, count);
    else this.#from.delete(from);
  }
}
