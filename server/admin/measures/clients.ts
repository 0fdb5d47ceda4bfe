/**
 * Metrics of each client: it is named by its tag, never by its id, and at most a thousand are.
 *
 * @module
 */

import type { Account } from "../../stats/account.ts";
import { online, type Sources } from "../served.ts";
import { both, type Labels, type Measure, type Sample } from "./measure.ts";

/** Of the accounts that have a label, one sample or several each. */
function* ofAccounts(
  { server }: Sources,
  read: (account: Account, labels: Labels) => Iterable<Sample>,
): Generator<Sample> {
  for (const account of server.stats.accounts.labelled()) {
    yield* read(account, { client: account.label });
  }
}

/** What the clients online are like now; the ones without a label come to one sample together. */
function* ofClients(
  { server }: Sources,
  read: (client: NonNullable<ReturnType<ReturnType<typeof online>["get"]>>) => number,
): Generator<Sample> {
  const sums = new Map<string, number>();
  for (const client of online(server).values()) {
    const { label } = client.account;
    sums.set(label, (sums.get(label) ?? 0) + read(client));
  }
  for (const [client, value] of sums) yield [value, { client }];
}

/** Of each client that has a label. */
export const CLIENTS: readonly Measure[] = [
  {
    name: "client_online",
    kind: "gauge",
    help: "1 while a client is registered, 0 for a while after.",
    read: (from) => ofAccounts(from, ({ online }, labels) => [[online, labels]]),
  },
  {
    name: "client_registrations",
    kind: "counter",
    help: "Registrations of a client.",
    read: (from) => ofAccounts(from, ({ registrations }, labels) => [[registrations, labels]]),
  },
  {
    name: "client_departures",
    kind: "counter",
    help: "Links of a client that ended, by reason.",
    *read(from) {
      for (const { left, label: client } of from.server.stats.accounts.labelled()) {
        for (const [[reason = "other"], count] of left) yield [count, { client, reason }];
      }
    },
  },
  {
    name: "client_traffic",
    kind: "counter",
    unit: "bytes",
    help: "Bytes of a client's visitors: up to its service, and down from it; live.",
    read: (from) => ofAccounts(from, ({ traffic }, labels) => both(traffic, labels)),
  },
  {
    name: "client_visitors",
    kind: "gauge",
    help: "Visitors of a client being served.",
    read: (from) => ofClients(from, ({ visitors }) => visitors),
  },
  {
    name: "client_visitor_connections",
    kind: "counter",
    help: "Visitors of a client that have left.",
    read: (from) => ofAccounts(from, ({ served }, labels) => [[served, labels]]),
  },
  {
    name: "client_idle_tunnels",
    kind: "gauge",
    help: "Warm tunnels of a client.",
    read: (from) => ofClients(from, ({ pool }) => pool.idle),
  },
  {
    name: "client_asked_tunnels",
    kind: "gauge",
    help: "Tunnels that a client was asked for and has not opened yet.",
    read: (from) => ofClients(from, ({ pool }) => pool.asked),
  },
  {
    name: "client_target_tunnels",
    kind: "gauge",
    help: "Warm tunnels that the demand for a client calls for.",
    read: (from) => ofClients(from, ({ pool }) => pool.target),
  },
  {
    name: "client_waiting_visitors",
    kind: "gauge",
    help: "Visitors that wait for a tunnel of a client.",
    read: (from) => ofClients(from, ({ pool }) => pool.waiting),
  },
  {
    name: "client_tunnel_wait",
    kind: "summary",
    unit: "seconds",
    help: "How long visitors waited for a tunnel of a client who found no warm one.",
    *read(from) {
      for (const account of from.server.stats.accounts.labelled()) {
        const { waitedSeconds: sum, waited: count, label: client } = account;
        yield { sum, count, labels: { client } };
      }
    },
  },
  {
    name: "client_warm_takes",
    kind: "counter",
    help: "Visitors that found a warm tunnel of a client.",
    read: (from) => ofAccounts(from, ({ warm }, labels) => [[warm, labels]]),
  },
  {
    name: "client_tunnels_stale",
    kind: "counter",
    help: "Tunnels of a client that proved dead when a visitor had got them.",
    read: (from) => ofAccounts(from, ({ stale }, labels) => [[stale, labels]]),
  },
];
