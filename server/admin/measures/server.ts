/**
 * Metrics of the server: who is here, and who was turned away.
 *
 * @module
 */

import type { Sources } from "../served.ts";
import { both, each, type Measure, type Sample } from "./measure.ts";

function* liveVisitors({ server }: Sources): Generator<Sample> {
  const counts = new Map<string, number>();
  for (const { protocol } of server.visitors) {
    counts.set(protocol, (counts.get(protocol) ?? 0) + 1);
  }
  if (counts.size === 0) yield [0, { protocol: "http" }];
  for (const [protocol, count] of counts) yield [count, { protocol }];
}

/** Of clients, visitors and ports together. */
export const SERVER: readonly Measure[] = [
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
    name: "certificate_expiration_timestamp",
    kind: "gauge",
    unit: "seconds",
    help: "When the certificate in use expires, in seconds since 1970; none without TLS.",
    read: ({ server: { expires } }) => expires === undefined ? [] : [[+expires() / 1000]],
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
    read: ({ server }) => [[server.stats.accounts.total().registrations]],
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
    read: ({ server }) => both(server.stats.accounts.total().traffic),
  },
  {
    name: "connections",
    kind: "gauge",
    help: "Connections that are open, by the port they came to; each takes a file descriptor.",
    read: ({ server }) => each(server.stats.connections, "port"),
  },
  {
    name: "accept_errors",
    kind: "counter",
    help: "Connections that could not be accepted, by port.",
    read: ({ server }) => each(server.stats.acceptErrors, "port"),
  },
];
