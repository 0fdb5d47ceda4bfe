/**
 * What the server counts, whether or not anybody asks: plain numbers, each changed where the thing
 * happens. `server/admin/` reads them.
 *
 * @module
 */

import type { RefusalReason } from "./registration_error.ts";
import type { Account, Introduction } from "./stats/account.ts";
import { Accounts } from "./stats/accounts.ts";
import type { LinkEnd } from "./stats/ending.ts";
import { Histogram, Tally } from "./stats/tally.ts";

/** Bounds for the wait for a tunnel, in seconds; a visitor is given up after 10. */
const WAIT_BOUNDS = [.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];
/** Bounds for how long a visitor stayed, in seconds. */
const STAY_BOUNDS = [.01, .05, .25, 1, 5, 15, 60, 300, 1800, 7200];

/** A visitor that has left. Nothing in it is a secret: clients are named by their tags. */
export interface VisitorRecord {
  /** Counts up. */
  readonly nth: number;
  /** When it came and when it left, by `Date.now()`. */
  readonly since: number;
  readonly until: number;
  /** Its IP address and port. */
  readonly address: string;
  readonly protocol: string;
  /** Tags of the clients it reached. */
  readonly clients: readonly string[];
  /** HTTP requests. */
  readonly requests: number | undefined;
  readonly up: number;
  readonly down: number;
  /** How it ended, as its log line says. */
  readonly end: string;
}

/** Something that an owner may want to see, as it happens. */
export type Happening =
  | { kind: "registered"; client: string; peer: string; version: string | undefined }
  | { kind: "left"; client: string; peer: string; why: string }
  | { kind: "refused"; client: string; peer: string; why: string }
  | { kind: "tunnel_refused"; peer: string; why: string }
  | { kind: "kicked"; client: string; seconds: number }
  | { kind: "unbanned"; client: string }
  | { kind: "draining"; seconds: number }
  | { kind: "visitor"; visitor: VisitorRecord };

/** All numbers of one server. */
export class Stats {
  /** When it started, by `Date.now()`. */
  readonly since: number = Date.now();
  /** Waits of visitors that found no warm tunnel and got one later. */
  readonly waits: Histogram = new Histogram(WAIT_BOUNDS);
  /** How visitors came to a tunnel: `warm`, `waited`; or why they did not. */
  readonly takes: Tally = new Tally();
  /** How long visitors stayed. */
  readonly stays: Histogram = new Histogram(STAY_BOUNDS);
  /** Clients, by tag. */
  readonly accounts: Accounts = new Accounts(this);
  /** Links of clients that ended, by reason. */
  readonly left: Tally = new Tally();
  /** Registrations refused, by the word of the error. */
  readonly refusedRegistrations: Tally = new Tally();
  /** Visitors that have left, by `protocol end`. */
  readonly visitors: Tally = new Tally();
  /** What the server itself refused a visitor or a request, by `protocol status`. */
  readonly refusals: Tally = new Tally();
  /** Connections to the proxy port that were no tunnels that anybody had asked for. */
  refusedTunnels = 0;
  /** Connections that are open, by port. */
  readonly connections: Tally = new Tally();
  /** Accepts that failed, by port. */
  readonly acceptErrors: Tally = new Tally();
  #listeners = new Set<(what: Happening) => void>();
  #visitors = 0;

  /** Calls `hear` of all that happens from now on, until disposed. */
  listen(hear: (what: Happening) => void): Disposable {
    this.#listeners.add(hear);
    return { [Symbol.dispose]: () => void this.#listeners.delete(hear) };
  }

  /** Tells who listens. */
  tell(what: Happening): void {
    for (const hear of this.#listeners) hear(what);
  }

  /** A client is online. */
  registered(
    { account, peer, version, service }: Introduction & { account: Account },
  ): void {
    account.last = { peer, version, service };
    account.refusedWhy = undefined;
    account.registrations++;
    account.online++;
    this.tell({ kind: "registered", client: account.tag, peer, version });
  }

  /** Its link has ended. */
  clientLeft({ account, peer }: { account: Account; peer: string }, why: LinkEnd): void {
    account.leave(why);
    this.left.add(why);
    this.tell({ kind: "left", client: account.tag, peer, why });
  }

  /** A client was not registered. */
  registrationRefused(client: string, peer: string, word: RefusalReason, why: string): void {
    this.refusedRegistrations.add(word);
    const account = this.accounts.find(client);
    if (account !== undefined) {
      account.refusedAt = Date.now();
      account.refusedWhy = why;
    }
    this.tell({ kind: "refused", client, peer, why });
  }

  /** A connection to the proxy port was closed. */
  tunnelRefused(peer: string, why: string): void {
    this.refusedTunnels++;
    this.tell({ kind: "tunnel_refused", peer, why });
  }

  /** A number for a visitor that came. */
  nextVisitor(): number {
    return ++this.#visitors;
  }

  /** A visitor has left. */
  visitorLeft(record: () => VisitorRecord, protocol: string, end: string, ms: number): void {
    this.visitors.add(`${protocol} ${end}`);
    this.stays.observe(ms / 1000);
    if (this.#listeners.size > 0) this.tell({ kind: "visitor", visitor: record() });
  }

  /** Every second or so; see {@link Accounts.sweep}. */
  sweep(now: number = Date.now(), visited?: () => ReadonlySet<Account>): void {
    this.accounts.sweep(now, visited);
  }
}
