/**
 * What a soak found, and whether that is good enough.
 * @module
 */
import type { Tally } from "./load.ts";
import { type Sample, type Trend, trendOf } from "./trend.ts";

const MIB = 1024 * 1024;

/** What a program may hold more at the end than at the beginning, by the line through all looks. */
export const LIMITS = { fds: 2, heap: MIB, rss: 16 * MIB } as const;

type Kind = keyof typeof LIMITS;

/** What each program held over time. */
export type Series = Record<string, Record<Kind, Sample[]>>;

/** What was measured. */
export interface Measured {
  seconds: number;
  tallies: Record<string, Tally>;
  /** How often each fault came. */
  faults: Record<string, number>;
  /** Milliseconds from the end of a fault to a visitor served. */
  back: { count: number; p50: number; p99: number; most: number; lost: string[] };
  series: Series;
  /** Bugs that the programs caught, and told of in their logs. */
  unhandled: string[];
}

/** What was measured, and what it comes to. */
export interface Report extends Measured {
  /** Undefined where there were too few looks to tell. */
  trends: Record<string, Partial<Record<Kind, Trend>>>;
  /** What must not be. */
  violations: string[];
}

/** Compares with what is required. */
export function judge(measured: Measured): Report {
  const violations: string[] = [];
  for (const { mismatches, harmed } of Object.values(measured.tallies)) {
    violations.push(...mismatches.map((story) => `wrong bytes: ${story}`));
    violations.push(...harmed.map((story) => `harmed: ${story}`));
  }
  for (const [name, { visits }] of Object.entries(measured.tallies)) {
    if (visits === 0) violations.push(`nobody visited ${name}`);
  }
  violations.push(...measured.back.lost.map((when) => `the client did not come back ${when}`));
  violations.push(...measured.unhandled.map((line) => `unhandled fault: ${line}`));
  const trends: Report["trends"] = {};
  for (const [name, row] of Object.entries(measured.series)) {
    const own: Partial<Record<Kind, Trend>> = trends[name] = {};
    for (const kind of Object.keys(LIMITS) as Kind[]) {
      const trend = trendOf(row[kind]);
      if (trend === undefined) continue;
      own[kind] = trend;
      if (trend.growth > LIMITS[kind]) {
        violations.push(`${kind} of ${name} grew by ${amount(kind, trend.growth)}`);
      }
    }
  }
  return { ...measured, trends, violations };
}

function amount(kind: Kind, value: number): string {
  return kind === "fds" ? value.toFixed(1) : `${(value / MIB).toFixed(2)} MiB`;
}

/** The report for people. */
export function text(report: Report): string {
  const { seconds, tallies, faults, back, trends, violations } = report;
  const lines = [`Soak of ${Math.round(seconds)} s`, ""];
  for (const [name, tally] of Object.entries(tallies)) {
    lines.push(
      `${name.padEnd(7)} ${tally.visits} visits, ${(tally.bytes / MIB).toFixed(0)} MiB, ` +
        `${tally.mismatches.length} mismatches, ${tally.harmed.length} harmed, ` +
        `${tally.excused} ended by faults of theirs`,
    );
  }
  const kinds = Object.entries(faults).map(([name, count]) => `${name} ${count}`).join(", ");
  lines.push("", `${back.count} faults survived: ${kinds}`);
  lines.push(
    `served again after: p50 ${back.p50} ms, p99 ${back.p99} ms, most ${back.most} ms`,
    "",
  );
  for (const [name, own] of Object.entries(trends)) {
    const parts = (Object.keys(LIMITS) as Kind[]).map((kind) => {
      const trend = own[kind];
      return trend === undefined
        ? `${kind} not judged: too few looks`
        : `${kind} ${amount(kind, trend.mean)} ${trend.growth < 0 ? "" : "+"}${
          amount(kind, trend.growth)
        }`;
    });
    lines.push(`${name.padEnd(12)} ${parts.join(", ")}`);
  }
  const limits = (Object.keys(LIMITS) as Kind[]).map((kind) =>
    `${kind} ${amount(kind, LIMITS[kind])}`
  );
  lines.push(`${"at most".padEnd(12)} +${limits.join(", +")}`, "");
  lines.push(
    ...violations,
    violations.length === 0 ? "all well" : `${violations.length} violations`,
  );
  return lines.join("\n") + "\n";
}
