/**
 * What the server turned away, in one table: how often each, how often lately, and when last.
 *
 * @module
 */

import type { Stats } from "../stats.ts";
import { History } from "./ring.ts";

/** What counts as lately, in seconds. */
export const LATELY_S = 300;

/** One kind of refusal. */
export interface RefusalRow {
  /** Who was turned away: a visitor, a client, a tunnel, or a connection that was not accepted. */
  kind: "visitor" | "registration" | "tunnel" | "accept";
  /** Which kind of it: the words of the metric. */
  what: string;
  count: number;
  /** Of the last {@link LATELY_S} seconds. */
  lately: number;
  /** When the last was seen, in milliseconds since 1970. */
  at: number;
}

/** Looks at the counters again and again. */
export class Refusals {
  #rows: readonly RefusalRow[] = [];
  #kinds = new Map<string, { row: RefusalRow; history: History }>();

  /** The latest first. */
  get rows(): readonly RefusalRow[] {
    return this.#rows;
  }

  /** Looks, every second or so; whether anything changed. */
  look(stats: Stats, now: number = Date.now()): boolean {
    let changed = false;
    for (const [kind, what, count] of countersOf(stats)) {
      const name = `${kind} ${what}`;
      let seen = this.#kinds.get(name);
      if (seen === undefined) {
        if (count === 0) continue;
        seen = {
          row: { kind, what, count: 0, lately: 0, at: now },
          history: new History(LATELY_S),
        };
        this.#kinds.set(name, seen);
      }
      const { row, history } = seen;
      history.push(count - row.count);
      const lately = history.last().reduce((sum, one) => sum + one, 0);
      if (count === row.count && lately === row.lately) continue;
      changed = true;
      seen.row = { kind, what, count, lately, at: count === row.count ? row.at : now };
    }
    if (changed) {
      this.#rows = Array.from(this.#kinds.values(), ({ row }) => row)
        .sort((one, other) => other.at - one.at || other.count - one.count);
    }
    return changed;
  }
}

function* countersOf(
  { refusals, refusedRegistrations, refusedTunnels, acceptErrors }: Stats,
): Generator<[RefusalRow["kind"], string, number]> {
  for (const [words, count] of refusals) yield ["visitor", words.join(" "), count];
  for (const [words, count] of refusedRegistrations) yield ["registration", words.join(" "), count];
  yield ["tunnel", "not asked for", refusedTunnels];
  for (const [words, count] of acceptErrors) yield ["accept", words.join(" "), count];
}
