/**
 * Metrics of tunnels: how many are warm, who waits for one, and what becomes of them.
 *
 * @module
 */

import type { Sources } from "../served.ts";
import { each, type Measure, type Sample } from "./measure.ts";

function* poolSum(
  { server }: Sources,
  name: "idle" | "asked" | "target" | "waiting",
): Generator<Sample> {
  let sum = 0;
  for (const { pool } of server.clients) sum += pool[name];
  yield [sum];
}

const total = ({ server }: Sources) => server.stats.accounts.total();

/** Of all clients' tunnels together. */
export const TUNNELS: readonly Measure[] = [
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
];
