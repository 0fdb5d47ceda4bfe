/**
 * The metrics by OpenTelemetry, which the runtime exports when it was started with
 * `OTEL_DENO=true`. Nothing is asked of the environment: the runtime then has entered itself in the
 * global that the API looks in.
 *
 * @see {@link https://docs.deno.com/runtime/fundamentals/open_telemetry/ | Deno: OpenTelemetry}
 * @module
 */

import { type Attributes, type Histogram, type Meter, metrics } from "@opentelemetry/api";
import { type Measure, MEASURES, type Sample } from "./measures/mod.ts";
import { Lag } from "./lag.ts";
import type { Served, Sources } from "./served.ts";

const UNITS = { bytes: "By", seconds: "s" } as const;

/** A time before a collection in which the program had better not end, in milliseconds. */
const RISKY_MS = 1000;
/** How much later than due a collection may come, in milliseconds. */
const LATE_MS = 250;

/** Exports the metrics of a server. */
export class Telemetry implements AsyncDisposable {
  #stack = new DisposableStack();
  /** When the metrics were collected last, and the time between the last two. */
  #last = 0;
  #interval = 0;
  #collected: () => void = () => {};

  /** Begins; later ones of the same program would only repeat it. */
  watch(server: Served, version: string): void {
    const meter = metrics.getMeter("arps", version);
    const from = { server, version, lag: this.#stack.use(new Lag()) };
    for (const measure of MEASURES) enter(meter, measure, from, this.#stack);
    const ticks = meter.createObservableGauge("arps.collected", {
      description: "When these metrics were collected, in seconds since 1970.",
      unit: "s",
    });
    ticks.addCallback((result) => {
      result.observe(Date.now() / 1000);
      const now = performance.now();
      if (this.#last > 0) this.#interval = now - this.#last;
      this.#last = now;
      this.#collected();
    });
  }

  /**
   * Stops, at a good moment to end the program: the runtime would hang for ever if a collection
   * were due while it sends what it still has, because it would wait for callbacks of a program
   * that runs no more (Deno 2.9).
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const due = this.#last + this.#interval - performance.now();
    if (this.#interval > 0 && due < RISKY_MS) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(due, 0) + LATE_MS);
        this.#collected = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#stack.dispose();
  }
}

/** What a metric is called here: Prometheus's name of it with a dot for the first underscore. */
function nameOf({ name, process }: Measure): string {
  return `${process ? "process" : "arps"}.${name}`;
}

function enter(meter: Meter, measure: Measure, from: Sources, stack: DisposableStack): void {
  const name = nameOf(measure);
  const unit = measure.unit === undefined ? {} : { unit: UNITS[measure.unit] };
  const options = { description: measure.help, ...unit };
  const observe = (kind: "counter" | "gauge", suffix: string, read: () => Iterable<Sample>) => {
    const instrument = kind === "counter"
      ? meter.createObservableCounter(name + suffix, options)
      : meter.createObservableGauge(name + suffix, options);
    const tell = (result: { observe(value: number, attributes?: Attributes): void }) => {
      for (const [value, labels] of read()) result.observe(value, labels);
    };
    instrument.addCallback(tell);
    stack.defer(() => instrument.removeCallback(tell));
  };
  switch (measure.kind) {
    case "histogram": {
      const source = measure.read(from);
      const histogram: Histogram = meter.createHistogram(name, {
        ...options,
        advice: { explicitBucketBoundaries: [...source.bounds] },
      });
      source.observer = (seconds) => histogram.record(seconds);
      stack.defer(() => source.observer = undefined);
      break;
    }
    case "summary":
      observe(
        "counter",
        ".sum",
        () => Array.from(measure.read(from), ({ sum, labels }) => [sum, labels]),
      );
      observe(
        "counter",
        ".count",
        () => Array.from(measure.read(from), ({ count, labels }) => [count, labels]),
      );
      break;
    default:
      observe(measure.kind, "", () => measure.read(from));
  }
}
