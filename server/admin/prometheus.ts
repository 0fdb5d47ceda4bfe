/**
 * The metrics as Prometheus reads them.
 *
 * @see {@link https://prometheus.io/docs/instrumenting/exposition_formats/ | Exposition formats}
 * @module
 */

import { Registry } from "prom-client";
import { type Measure, MEASURES } from "./measures/mod.ts";
import type { Sources } from "./served.ts";

/** A line: its labels and its value. */
interface Line {
  value: number;
  labels: Record<string, string | number>;
  metricName?: string;
}

/** Type of the text. */
export const CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** Puts the metrics down as text. */
export function prometheus(from: Sources): () => Promise<string> {
  const registry = new Registry();
  for (const measure of MEASURES) {
    const name = prometheusName(measure);
    const { help, kind: type } = measure;
    const aggregator = "sum";
    const get = () =>
      Promise.resolve({ name, help, type, aggregator, values: lines(measure, from) });
    // Its own classes keep a copy of every number; ours are counted already.
    registry.registerMetric({ name, help, type, aggregator, get } as never);
  }
  return () => registry.metrics();
}

/** Prefix, name, unit, and `_total` for a counter. */
export function prometheusName({ name, kind, process, ...measure }: Measure): string {
  const unit = measure.unit === undefined ? "" : `_${measure.unit}`;
  return `${process ? "process" : "arps"}_${name}${unit}${kind === "counter" ? "_total" : ""}`;
}

function lines(measure: Measure, from: Sources): Line[] {
  const name = prometheusName(measure);
  switch (measure.kind) {
    case "histogram": {
      const { bounds, counts, sum, count } = measure.read(from);
      let below = 0;
      const buckets = counts.map((here, at) => ({
        value: below += here,
        labels: { le: bounds[at] ?? "+Inf" },
        metricName: `${name}_bucket`,
      }));
      return [...buckets, ...sumAndCount(name, sum, count)];
    }
    case "summary":
      return [...measure.read(from)].flatMap(({ sum, count, labels }) =>
        sumAndCount(name, sum, count, labels)
      );
    default:
      return Array.from(measure.read(from), ([value, labels = {}]) => ({ value, labels }));
  }
}

function sumAndCount(name: string, sum: number, count: number, labels = {}): Line[] {
  return [
    { value: sum, labels, metricName: `${name}_sum` },
    { value: count, labels, metricName: `${name}_count` },
  ];
}
