/**
 * What a metric is, and the shapes that several of them are read in.
 *
 * @module
 */

import type { Traffic } from "@agentx/common";
import type { Histogram, Tally } from "../../stats/tally.ts";
import type { Sources } from "../served.ts";

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
export function* each(tally: Tally, ...names: string[]): Generator<Sample> {
  for (const [words, count] of tally) {
    yield [count, Object.fromEntries(names.map((name, nth) => [name, words[nth] ?? "other"]))];
  }
}

/** Bytes in both directions. */
export function both({ up, down }: Traffic, labels: Labels = {}): Sample[] {
  return [[up, { ...labels, direction: "up" }], [down, { ...labels, direction: "down" }]];
}
