/**
 * What is told of clients and visitors: names of the API, and nothing that is a secret.
 *
 * @module
 */

import type { Client } from "../registry.ts";
import type { Account } from "../stats/account.ts";
import type { VisitorRecord } from "../stats.ts";
import type { Live } from "../visitors.ts";

/** A client that is online, or was a while ago. Times are in milliseconds since 1970. */
export interface ClientRow {
  tag: string;
  online: boolean;
  peer: string | undefined;
  version: string | undefined;
  generation: 1 | 2 | undefined;
  /** What its service speaks, if that speaks first. */
  service: string | undefined;
  /** When it registered last. */
  since: number | undefined;
  /** When it left, and why. */
  left_at: number | undefined;
  left_why: string | undefined;
  /** How many names it has besides its id. */
  aliases: number;
  pool: { idle: number; asked: number; target: number; waiting: number };
  /** Visitors that are with it, and that were. */
  visitors: number;
  served: number;
  registrations: number;
  /** Links that ended, by reason. */
  departures: Record<string, number>;
  /** Of visitors that found no warm tunnel: how many, and the mean of their waits. */
  waited: number;
  mean_wait_ms: number;
  /** Visitors that found one. */
  warm: number;
  stale_tunnels: number;
  up_bytes: number;
  down_bytes: number;
  /** Of the last second. */
  up_bytes_per_second: number;
  down_bytes_per_second: number;
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

const NO_POOL = { idle: 0, asked: 0, target: 0, waiting: 0 };

/** Bytes a second. */
export interface Rates {
  up: number;
  down: number;
}

/** A client as it is told of. */
export function clientRow(account: Account, client: Client | undefined, rates: Rates): ClientRow {
  const { pool } = client ?? {};
  const { waited, waitedSeconds } = account;
  return {
    tag: account.tag,
    online: client !== undefined,
    peer: client?.peer,
    version: client?.version,
    generation: client?.generation,
    service: client?.service,
    since: client?.since,
    left_at: account.leftAt || undefined,
    left_why: account.leftWhy,
    aliases: (client?.tokens.length ?? 1) - 1,
    pool: pool === undefined
      ? NO_POOL
      : { idle: pool.idle, asked: pool.asked, target: pool.target, waiting: pool.waiting },
    visitors: client?.visitors ?? 0,
    served: account.served,
    registrations: account.registrations,
    departures: Object.fromEntries(
      Array.from(account.left, ([[why = "other"], count]) => [why, count]),
    ),
    waited,
    mean_wait_ms: waited === 0 ? 0 : Math.round(waitedSeconds / waited * 10_000) / 10,
    warm: account.warm,
    stale_tunnels: account.stale,
    up_bytes: account.traffic.up,
    down_bytes: account.traffic.down,
    up_bytes_per_second: Math.round(rates.up),
    down_bytes_per_second: Math.round(rates.down),
  };
}

/** What changes of a client from second to second, as a short row; see {@link NUMBERS}. */
export type NumbersRow = readonly [tag: string, ...numbers: number[]];

/** What the numbers of a {@link NumbersRow} are. */
export const NUMBERS = [
  "tag",
  "up_bytes",
  "down_bytes",
  "up_bytes_per_second",
  "down_bytes_per_second",
  "visitors",
  "served",
  "idle",
  "asked",
  "target",
  "waiting",
  "stale_tunnels",
] as const;

/** The short row of a client. */
export function numbersRow(account: Account, client: Client | undefined, rates: Rates): NumbersRow {
  const { pool } = client ?? {};
  return [
    account.tag,
    account.traffic.up,
    account.traffic.down,
    Math.round(rates.up),
    Math.round(rates.down),
    client?.visitors ?? 0,
    account.served,
    pool?.idle ?? 0,
    pool?.asked ?? 0,
    pool?.target ?? 0,
    pool?.waiting ?? 0,
    account.stale,
  ];
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
export function liveRow({ nth, visitor, protocol }: Live): VisitorRow {
  const ms = Math.round(performance.now() - visitor.since);
  const { name: address, client, traffic } = visitor;
  return {
    nth,
    address,
    protocol,
    clients: client === undefined ? [] : [client.tag],
    since: Date.now() - ms,
    ms,
    up_bytes: traffic.up,
    down_bytes: traffic.down,
  };
}
