/**
 * Which visitors came by which tokens, so that they end with them.
 *
 * @module
 */

import type { Visitor } from "../visitor.ts";

/** What holds a visitor. */
export interface Hold {
  readonly jti: string;
  /** In seconds since 1970. */
  readonly exp: number;
}

interface Holds<H> {
  /** What it does now depends on these. */
  live: Set<H>;
  /** Names of all that it came by, for the log. */
  names: Set<string>;
  /** Visits that were counted. */
  counted: Set<string>;
}

/** A proxy's connection may have many people behind it; what is more is counted again. */
const MAX_REMEMBERED = 1000;
const MAX_NAMES = 8;
/** Characters of a token's name in the log. */
const NAME_CHARS = 8;

/** Visitors by token. */
export class Held<H extends Hold> {
  #visitors = new Map<Visitor, Holds<H>>();

  /** Visitors that came by a token. */
  get size(): number {
    return this.#visitors.size;
  }

  /** The visitor asks for something: nothing depends any more on the tokens of what is over. */
  next(visitor: Visitor): void {
    if (visitor.resting()) this.#visitors.get(visitor)?.live.clear();
  }

  /** What the visitor asked for is by this token. */
  add(visitor: Visitor, hold: H): void {
    const holds = this.#of(visitor);
    holds.live.add(hold);
    if (holds.names.size < MAX_NAMES) holds.names.add(hold.jti.slice(0, NAME_CHARS));
  }

  /** Whether this connection was counted as such a visit. */
  counted(visitor: Visitor, visit: string): boolean {
    return this.#visitors.get(visitor)?.counted.has(visit) === true;
  }

  /** It was. */
  count(visitor: Visitor, visit: string): void {
    const { counted } = this.#of(visitor);
    if (counted.size >= MAX_REMEMBERED) counted.clear();
    counted.add(visit);
  }

  /** The connection ended; what it came by, for the log. */
  leave(visitor: Visitor): string | undefined {
    const holds = this.#visitors.get(visitor);
    if (holds === undefined) return undefined;
    this.#visitors.delete(visitor);
    return [...holds.names].join(" ") || undefined;
  }

  /**
   * Ends what is under way by tokens that are good no more. One that was let in this very moment may
   * still look as if it were at rest, and is met the next time.
   */
  end(over: (hold: H) => boolean, why: string): void {
    for (const [visitor, { live }] of this.#visitors) {
      if (live.size > 0 && !visitor.resting() && [...live].some(over)) visitor.abort(why);
    }
  }

  #of(visitor: Visitor): Holds<H> {
    let holds = this.#visitors.get(visitor);
    if (holds === undefined) {
      holds = { live: new Set(), names: new Set(), counted: new Set() };
      this.#visitors.set(visitor, holds);
    }
    return holds;
  }
}
