/**
 * Metrics of the program as such.
 *
 * How many file descriptors it has open and may have is not among them: the runtime lets no program
 * look into `/proc` that does not hold every permission. `arps_connections` counts nearly all.
 *
 * @module
 */

import { processorSeconds } from "../served.ts";
import type { Measure } from "./measure.ts";

/** Named as the client libraries of Prometheus name them. */
export const PROCESS: readonly Measure[] = [
  {
    name: "event_loop_delay",
    kind: "histogram",
    unit: "seconds",
    help: "How much later than due a timer went off.",
    read: ({ lag }) => lag.delays,
  },
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
