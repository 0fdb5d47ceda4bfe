/**
 * What is told of clients and visitors: names of the API, and nothing that is a secret.
 *
 * @module
 */

import type { Client } from "../registry.ts";
import type { Account } from "../stats/account.ts";
import type { VisitorRecord } from "../stats.ts";
import type { Live } from "../visitors.ts";

/** What the row of a client is made of. */
export interface Seen {
  readonly account: Account;
  /** While it is online. */
  readonly client: Client | undefined;
  readonly rates: Rates;
}

/** Bytes a second, and what else is only known from looking again and again. */
export interface Rates {
  up: number;
  down: number;
  /** Since when it has too few tunnels and opens none, by `Date.now()`; 0 while all is well. */
  stuckSince?: number;
}

/** What changes of a client from second to second, and how it is read. */
const READ = {
  up_bytes: ({ account }) => account.traffic.up,
  down_bytes: ({ account }) => account.traffic.down,
  /** Of the last second. */
  up_bytes_per_second: ({ rates }) => Math.round(rates.up),
  down_bytes_per_second: ({ rates }) => Math.round(rates.down),
  /** Visitors that are with it, and that were. */
  visitors: ({ client }) => client?.visitors ?? 0,
  served: ({ account }) => account.served,
  /** Visitors that found a warm tunnel, and that had to wait for one. */
  warm: ({ account }) => account.warm,
  waited: ({ account }) => account.waited,
  /** Mean wait of those. */
  mean_wait_ms: ({ account: { waited, waitedSeconds } }) =>
    waited === 0 ? 0 : Math.round(waitedSeconds / waited * 10_000) / 10,
  /** Visitors whom its service did not serve (502); how many since it served one; the last. */
  failed: ({ account }) => account.failed,
  failing: ({ account }) => account.failing,
  failed_at: ({ account }) => account.failedAt,
  /** Visitors that got no tunnel, and the last. */
  turned_away: ({ account }) => account.turnedAway,
  turned_away_at: ({ account }) => account.turnedAwayAt,
  /** Visitors that were one too many (`--max-visitors`), and the last. */
  limited: ({ account }) => account.limited,
  limited_at: ({ account }) => account.limitedAt,
  /** Since when it has fewer tunnels than it should and opens none; 0 while all is well. */
  stuck_since: ({ rates }) => rates.stuckSince ?? 0,
  /** When it was not let in last; 0 when it never was, or is online since. */
  refused_at: ({ account }) => account.refusedWhy === undefined ? 0 : account.refusedAt,
  stale_tunnels: ({ account }) => account.stale,
} as const satisfies Record<string, (from: Seen) => number>;

/** Its tunnels, likewise. */
const POOL = ["idle", "asked", "target", "waiting"] as const;

/** Numbers of a client; times are in milliseconds since 1970, 0 for never. */
export type ClientNumbers = Record<keyof typeof READ, number>;

/** A client that is online, or was a while ago. Times are in milliseconds since 1970. */
export interface ClientRow extends ClientNumbers {
  tag: string;
  /** What the owner of the server calls it: the `comment` of its entry in `--auth-file`. */
  comment: string | undefined;
  online: boolean;
  /** Where it registered from, its version, and what its service speaks, if that speaks first. */
  peer: string | undefined;
  version: string | undefined;
  service: string | undefined;
  generation: 1 | 2 | undefined;
  /** When it registered last. */
  since: number | undefined;
  /** When it left, and why. */
  left_at: number | undefined;
  left_why: string | undefined;
  /** Why it was not let in last. */
  refused_why: string | undefined;
  /** How many names it has besides its id. */
  aliases: number;
  pool: Record<typeof POOL[number], number>;
  registrations: number;
  /** Links that ended, by reason. */
  departures: Record<string, number>;
}

/** A visitor. */
export interface VisitorRow {
  nth: number;
  address: string;
  protocol: string;
  clients: readonly string[];
  requests?: number;
  since: number;
  ms: number;
  up_bytes: number;
  down_bytes: number;
  /** How it ended; absent while it is there. */
  end?: string;
}

/** A client as it is told of. */
export function clientRow(seen: Seen): ClientRow {
  const { account, client } = seen;
  const { peer, version, service } = account.last ?? {};
  return {
    tag: account.tag,
    comment: account.comment,
    online: client !== undefined,
    peer,
    version,
    service,
    generation: client?.generation,
    since: client?.since,
    left_at: account.leftAt || undefined,
    left_why: account.leftWhy,
    refused_why: account.refusedWhy,
    aliases: (client?.tokens.length ?? 1) - 1,
    pool: numbersOf(POOL, (name) => client?.pool[name] ?? 0),
    registrations: account.registrations,
    departures: Object.fromEntries(
      Array.from(account.left, ([[why = "other"], count]) => [why, count]),
    ),
    ...numbersOf(NAMES, (name) => READ[name](seen)),
  };
}

/** What changes of a client from second to second, as a short row; see {@link NUMBERS}. */
export type NumbersRow = readonly [tag: string, ...numbers: number[]];

const NAMES = Object.keys(READ) as (keyof ClientNumbers)[];

/** What the numbers of a {@link NumbersRow} are: those of {@link ClientNumbers}, and of the pool. */
export const NUMBERS: readonly string[] = ["tag", ...NAMES, ...POOL];

/** The short row of a client. */
export function numbersRow(seen: Seen): NumbersRow {
  return [
    seen.account.tag,
    ...NAMES.map((name) => READ[name](seen)),
    ...POOL.map((name) => seen.client?.pool[name] ?? 0),
  ];
}

function numbersOf<Name extends string>(
  names: readonly Name[],
  read: (name: Name) => number,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<Name, number>;
}

/** A visitor that has left. */
export function visitorRow(record: VisitorRecord): VisitorRow {
  const { nth, address, protocol, clients, requests, since, until, up, down, end } = record;
  return {
    nth,
    address,
    protocol,
    clients,
    ...(requests === undefined ? {} : { requests }),
    since,
    ms: until - since,
    up_bytes: up,
    down_bytes: down,
    end,
  };
}

/** A visitor that is there. */
export function liveRow({ nth, visitor, protocol, requests }: Live): VisitorRow {
  const ms = Math.round(performance.now() - visitor.since);
  const { name: address, client, traffic } = visitor;
  const count = requests?.();
  return {
    nth,
    address,
    protocol,
    clients: client === undefined ? [] : [client.tag],
    ...(count === undefined ? {} : { requests: count }),
    since: Date.now() - ms,
    ms,
    up_bytes: traffic.up,
    down_bytes: traffic.down,
  };
}
