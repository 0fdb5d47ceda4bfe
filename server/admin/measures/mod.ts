/**
 * All metrics in one table: what each is called, what it means, and where it is read.
 *
 * Names are without prefix, unit and `_total`: Prometheus and OpenTelemetry each add these in their
 * own way, and come to the same in the end. Labels are few.
 *
 * @module
 */

import { CLIENTS } from "./clients.ts";
import type { Measure } from "./measure.ts";
import { PROCESS } from "./process.ts";
import { SERVER } from "./server.ts";
import { TUNNELS } from "./tunnels.ts";

export type { Labels, Measure, Sample, Summary } from "./measure.ts";

/** All metrics. */
export const MEASURES: readonly Measure[] = [...SERVER, ...TUNNELS, ...CLIENTS, ...PROCESS];
