/**
 * Connections of clients, by address: who opens many of them and says nothing is cut off, and not
 * whoever comes next.
 *
 * @module
 */

import { type Conn, type Logger, Seldom } from "@agentx/common";
import { addressKey, peerOf } from "./address.ts";

/** Options of {@link Links}. */
export interface LinksOptions {
  /** Connections from one address; 0 is no limit. */
  max: number;
  /** How many more may come from an address just now, as an `addressKey`. */
  more?: (address: string) => number;
  /** Addresses that stand for many: no limit for them. */
  trusted: ReadonlySet<string>;
}

/** A connection that was let in; disposing gives its place back. */
export interface Link extends Disposable {
  /** It has shown that it is wanted, so it makes no room for others. */
  keep(): void;
}

/** All that is known of one address. */
interface Neighbours {
  count: number;
  /** Those that have not shown what they are, the oldest first. */
  strangers: Set<() => void>;
}

/** Counts the connections of one port. */
export class Links {
  #byAddress = new Map<string, Neighbours>();
  readonly #seldom: Seldom;

  constructor(private readonly options: LinksOptions, log: Logger) {
    this.#seldom = new Seldom(log);
  }

  /** Addresses with a connection. */
  get size(): number {
    return this.#byAddress.size;
  }

  /**
   * Lets a connection in. Where its address has as many as it may, the oldest that has not shown
   * what it is makes room.
   *
   * @param close ends the connection, if it is to make room; it is not disposed by that.
   * @returns undefined when it must be turned away.
   */
  enter(conn: Conn, close: () => void): Link | undefined {
    const { max, more, trusted } = this.options;
    const address = peerOf(conn).hostname;
    if (max === 0 || trusted.has(address)) return ANY;
    const key = addressKey(address);
    const near = this.#byAddress.get(key) ?? { count: 0, strangers: new Set() };
    const limit = max + (more?.(key) ?? 0);
    if (near.count >= limit) {
      const [oldest] = near.strangers;
      const what = oldest === undefined ? "refused" : "the oldest that said nothing made room";
      this.#seldom.warning("Too many connections from one address", { peer: address, limit, what });
      if (oldest === undefined) return undefined;
      oldest();
    }
    this.#byAddress.set(key, near);
    near.count++;
    let inside = true;
    const leave = () => {
      if (!inside) return;
      inside = false;
      near.strangers.delete(makeRoom);
      if (--near.count === 0) this.#byAddress.delete(key);
    };
    const makeRoom = () => {
      leave();
      close();
    };
    near.strangers.add(makeRoom);
    return { keep: () => void near.strangers.delete(makeRoom), [Symbol.dispose]: leave };
  }
}

/** Not counted. */
const ANY: Link = { keep: () => {}, [Symbol.dispose]: () => {} };
