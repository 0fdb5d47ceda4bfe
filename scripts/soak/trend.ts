/**
 * Whether a row of measurements grows.
 * @module
 */

/** A measurement: when, in seconds, and how much. */
export type Sample = readonly [seconds: number, value: number];

/** Samples at the beginning that do not count, as a share: caches fill, code is compiled. */
const WARM_UP = 0.25;
/** Fewer samples than that tell nothing. */
const FEWEST = 8;

/** The line through a row of samples, by least squares. */
export interface Trend {
  /** Samples behind it, without those of the warm-up. */
  samples: number;
  /** Mean of their values. */
  mean: number;
  /** What the line gains from the first of them to the last. */
  growth: number;
  /** The same for an hour. */
  perHour: number;
}

/** The trend after the warm-up; undefined if there are too few samples to tell. */
export function trendOf(all: readonly Sample[]): Trend | undefined {
  const samples = all.slice(Math.ceil(all.length * WARM_UP));
  if (samples.length < FEWEST) return undefined;
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [time, value] = [mean(([at]) => at), mean(([, value]) => value)];
  const spread = mean(([at]) => (at - time) ** 2);
  if (spread === 0) return undefined;
  const slope = mean(([at, y]) => (at - time) * (y - value)) / spread;
  const span = samples.at(-1)![0] - samples[0]![0];
  return { samples: samples.length, mean: value, growth: slope * span, perHour: slope * 3600 };
}
