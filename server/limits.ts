/**
 * How many connections one address may have, and how fast it may open them.
 *
 * @module
 */

/** Limits per address; 0 is none. */
export interface AddressLimits {
  /** Connections at a time. */
  count: number;
  /** New connections per second; as many again may come in one burst. */
  rate: number;
}

interface Usage {
  count: number;
  /** Token bucket: what is left, and when that was. */
  tokens: number;
  at: number;
}

/** Keeps count of the connections of each address. */
export class PerAddress {
  #usage = new Map<string, Usage>();

  constructor(private readonly limits: AddressLimits) {}

  /** Addresses with a connection, or a rate still to recover. */
  get size(): number {
    return this.#usage.size;
  }

  /** Enters a connection; false when the address is over a limit. */
  enter(address: string, now: number = performance.now()): boolean {
    const { count, rate } = this.limits;
    if (count === 0 && rate === 0) return true;
    const burst = rate * 2;
    const usage = this.#usage.get(address) ?? { count: 0, tokens: burst, at: now };
    usage.tokens = Math.min(burst, usage.tokens + (now - usage.at) / 1000 * rate);
    usage.at = now;
    this.#usage.set(address, usage);
    if (count > 0 && usage.count >= count) return false;
    if (rate > 0) {
      if (usage.tokens < 1) return false;
      usage.tokens--;
    }
    usage.count++;
    return true;
  }

  /** A connection that was entered has ended. */
  leave(address: string): void {
    const usage = this.#usage.get(address);
    if (usage !== undefined) usage.count--;
  }

  /** Every few seconds: forgets addresses without connections whose rate has recovered. */
  sweep(now: number = performance.now()): void {
    for (const [address, { count, at }] of this.#usage) {
      if (count <= 0 && now - at > 2000) this.#usage.delete(address);
    }
  }
}
