/**
 * One line of the table: a figure, its value for each peer, and what is required of ours.
 * @module
 */
import type { Samples } from "../rounds.ts";
import { median } from "../stats.ts";

/** A requirement: ours divided by another value, or ours itself, against a bound. */
export interface Requirement {
  /** What ours is divided by: the best tunnel peer, one peer by name, or nothing. */
  against: "tunnel" | "socat" | "nothing";
  bound: number;
}

/** One line. Values are medians, already in `unit`. */
export interface Row {
  id: string;
  label: string;
  unit: string;
  better: "higher" | "lower";
  /** By peer name; a peer that is absent was not or could not be measured. */
  values: Record<string, number>;
  /** All of these must hold; none means that the figure is only reported. */
  require: Requirement[];
  /** Single samples by peer name, for the JSON. */
  samples?: Record<string, number[]>;
}

/** A row from samples: the median of what `pick` takes out of each. */
export function rowOf<T>(
  row: Omit<Row, "values" | "samples">,
  samples: Samples<T>,
  pick: (sample: T) => number,
): Row {
  const picked = [...samples].map(([name, list]): [string, number[]] => [name, list.map(pick)]);
  return {
    ...row,
    values: Object.fromEntries(picked.map(([name, list]) => [name, median(list)])),
    samples: Object.fromEntries(picked),
  };
}
