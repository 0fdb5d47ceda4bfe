/**
 * Judges a row: ratios of ours to the others, and whether what is required holds.
 * @module
 */
import type { Requirement, Row } from "./row.ts";

/** Which columns are what. */
export interface Names {
  ours: string;
  tunnels: string[];
}

/** `undefined` = cannot be told: something needed was not measured. */
export interface Verdict {
  /** Ours divided by the best tunnel peer. */
  toTunnel: number | undefined;
  toSocat: number | undefined;
  required: string;
  holds: boolean | undefined;
}

/** Judges one row. */
export function judge(row: Row, names: Names): Verdict {
  const tunnels = names.tunnels.map((name) => row.values[name]).filter((value) =>
    value !== undefined
  );
  const best = row.better === "higher" ? Math.max(...tunnels) : Math.min(...tunnels);
  const toTunnel = ratio(row.values[names.ours], tunnels.length === 0 ? undefined : best);
  const toSocat = ratio(row.values[names.ours], row.values.socat);
  const held = row.require.map(({ against, bound }) => {
    const value = { tunnel: toTunnel, socat: toSocat, nothing: row.values[names.ours] }[against];
    if (value === undefined) return undefined;
    return row.better === "higher" ? value >= bound : value <= bound;
  });
  return {
    toTunnel,
    toSocat,
    required: row.require.map((one) => words(row, one)).join(", "),
    holds: held.includes(false) ? false : held.includes(undefined) ? undefined : held.length > 0,
  };
}

function ratio(ours: number | undefined, other: number | undefined): number | undefined {
  return ours === undefined || other === undefined || other === 0 ? undefined : ours / other;
}

function words(row: Row, { against, bound }: Requirement): string {
  const sign = row.better === "higher" ? "≥" : "≤";
  const number = Number(bound.toFixed(2));
  if (against === "nothing") return `${sign} ${number} ${row.unit}`.trim();
  return `${sign} ${number} × ${against === "tunnel" ? "best tunnel" : against}`;
}
