/**
 * All metrics in one table: what each is called, what it means, and where it is read.
 *
 * Names are without prefix, unit and `_total`: Prometheus and OpenTelemetry each add these in their
 * own way, and come to the same in the end. Labels are few: a client is named by its tag, never by
 * its id, and at most a thousand are.
 *
 * @module
 */

import type { Account } from "../stats/account.ts";
import type { Histogram, Tally } from "../stats/tally.ts";
import { online, processorSeconds, type Sources } from "./served.ts";

/** Names and values. */
export type Labels = Record<string, string>;

/** One number. */
export type Sample = readonly [value: number, labels?: Labels];

/** How often something took how long, in seconds, without its distribution. */
export interface Summary {
  readonly sum: number;
  readonly count: number;
  readonly labels: Labels;
}

interface Base {
  readonly name: string;
  readonly help: string;
  /** Whether it is of the program as such, whatever it does. */
  readonly process?: true;
}

/** A metric. */
export type Measure =
  & Base
  & (
    | {
      readonly kind: "counter" | "gauge";
      readonly unit?: "bytes" | "seconds";
      read(from: Sources): Iterable<Sample>;
    }
    | { readonly kind: "histogram"; readonly unit: "seconds"; read(from: Sources): Histogram }
    | { readonly kind: "summary"; readonly unit: "seconds"; read(from: Sources): Iterable<Summary> }
  );

/** Each kind of thing in a tally, its words as labels. */
function* each(tally: Tally, ...names: string[]): Generator<Sample> {
  for (const [words, count] of tally) {
    yield [count, Object.fromEntries(names.map((name, nth) => [name, words[nth] ?? "other"]))];
  }
}

const both = ({ up, down }: { up: number; down: number }, labels: Labels = {}): Sample[] => [
  [up, { ...labels, direction: "up" }],
  [down, { ...labels, direction: "down" }],
];

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

function* poolSum(
  { server }: Sources,
  name: "idle" | "asked" | "target" | "waiting",
): Generator<Sample> {
  let sum = 0;
  for (const { pool } of server.clients) sum += pool[name];
  yield [sum];
}

function* liveVisitors({ server }: Sources): Generator<Sample> {
  const counts = new Map<string, number>();
  for (const { protocol } of server.visitors) {
    counts.set(protocol, (counts.get(protocol) ?? 0) + 1);
  }
  if (counts.size === 0) yield [0, { protocol: "http" }];
  for (const [protocol, count] of counts) yield [count, { protocol }];
}

const total = ({ server }: Sources) => server.stats.accounts.total();

const SERVER: readonly Measure[] = [
  {
    name: "build_info",
    kind: "gauge",
    help: "Always 1; its label tells the version.",
    read: ({ version }) => [[1, { version }]],
  },
  {
    name: "draining",
    kind: "gauge",
    help: "1 while the server stops and takes no new visitors.",
    read: ({ server }) => [[server.draining ? 1 : 0]],
  },
  {
    name: "clients",
    kind: "gauge",
    help: "Clients online.",
    read: ({ server }) => [[server.clients.size]],
  },
  {
    name: "registrations",
    kind: "counter",
    help: "Registrations of clients.",
    read: (from) => [[total(from).registrations]],
  },
  {
    name: "departures",
    kind: "counter",
    help: "Links of clients that ended, by reason.",
    read: ({ server }) => each(server.stats.left, "reason"),
  },
  {
    name: "registration_refusals",
    kind: "counter",
    help: "Registrations refused, by reason.",
    read: ({ server }) => each(server.stats.refusedRegistrations, "reason"),
  },
  {
    name: "visitors",
    kind: "gauge",
    help: "Visitors being served, by protocol.",
    read: liveVisitors,
  },
  {
    name: "visitor_connections",
    kind: "counter",
    help: "Visitors that have left, by protocol and by how they ended.",
    read: ({ server }) => each(server.stats.visitors, "protocol", "end"),
  },
  {
    name: "visitor_stay",
    kind: "histogram",
    unit: "seconds",
    help: "How long visitors stayed that have left.",
    read: ({ server }) => server.stats.stays,
  },
  {
    name: "refusals",
    kind: "counter",
    help:
      "What the server itself answered in place of a service, by protocol and HTTP status; for " +
      "other protocols the status that says the same.",
    read: ({ server }) => each(server.stats.refusals, "protocol", "status"),
  },
  {
    name: "traffic",
    kind: "counter",
    unit: "bytes",
    help: "Bytes of visitors: up to services, and down from them; live.",
    read: (from) => both(total(from).traffic),
  },
  {
    name: "idle_tunnels",
    kind: "gauge",
    help: "Warm tunnels that wait for a visitor.",
    read: (from) => poolSum(from, "idle"),
  },
  {
    name: "asked_tunnels",
    kind: "gauge",
    help: "Tunnels that clients were asked for and have not opened yet.",
    read: (from) => poolSum(from, "asked"),
  },
  {
    name: "target_tunnels",
    kind: "gauge",
    help: "Warm tunnels that the demand calls for.",
    read: (from) => poolSum(from, "target"),
  },
  {
    name: "waiting_visitors",
    kind: "gauge",
    help: "Visitors that wait for a tunnel.",
    read: (from) => poolSum(from, "waiting"),
  },
  {
    name: "tunnel_takes",
    kind: "counter",
    help:
      "How visitors came to a tunnel (warm, waited), or why they did not (queue_full, timeout, " +
      "offline).",
    read: ({ server }) => each(server.stats.takes, "result"),
  },
  {
    name: "tunnel_wait",
    kind: "histogram",
    unit: "seconds",
    help: "How long visitors waited for a tunnel who found no warm one.",
    read: ({ server }) => server.stats.waits,
  },
  {
    name: "tunnels_opened",
    kind: "counter",
    help: "Tunnels that clients opened when asked to.",
    read: (from) => [[total(from).opened]],
  },
  {
    name: "tunnels_reused",
    kind: "counter",
    help: "Tunnels that came back from a visitor and serve another.",
    read: (from) => [[total(from).reused]],
  },
  {
    name: "tunnels_lost",
    kind: "counter",
    help: "Idle tunnels that their client or the network ended.",
    read: (from) => [[total(from).lost]],
  },
  {
    name: "tunnels_stale",
    kind: "counter",
    help: "Tunnels that proved dead when a visitor had got them.",
    read: (from) => [[total(from).stale]],
  },
  {
    name: "tunnels_refused",
    kind: "counter",
    help: "Connections to the proxy port that were no tunnel that anybody had asked for.",
    read: ({ server }) => [[server.stats.refusedTunnels]],
  },
  {
    name: "accept_errors",
    kind: "counter",
    help: "Connections that could not be accepted, by port.",
    read: ({ server }) => each(server.stats.acceptErrors, "port"),
  },
  {
    name: "event_loop_delay",
    kind: "histogram",
    unit: "seconds",
    help: "How much later than due a timer went off.",
    read: ({ lag }) => lag.delays,
  },
];

const CLIENT: readonly Measure[] = [
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

const PROCESS: readonly Measure[] = [
  {
    name: "start_time",
    kind: "gauge",
    unit: "seconds",
    process: true,
    help: "When the program started, in seconds since 1970.",
    read: ({ server }) => [[server.stats.since / 1000]],
  },
  {
    name: "cpu",
    kind: "counter",
    unit: "seconds",
    process: true,
    help: "Processor time that the program has used.",
    read: () => [[processorSeconds()]],
  },
  {
    name: "resident_memory",
    kind: "gauge",
    unit: "bytes",
    process: true,
    help: "Memory of the program that is in RAM.",
    read: () => [[Deno.memoryUsage().rss]],
  },
  {
    name: "heap_used",
    kind: "gauge",
    unit: "bytes",
    process: true,
    help: "Memory of objects in the heap of the program.",
    read: () => [[Deno.memoryUsage().heapUsed]],
  },
];

/** All metrics. */
export const MEASURES: readonly Measure[] = [...SERVER, ...CLIENT, ...PROCESS];
