/**
 * One run of `wrk` and what it reports.
 * @module
 */
import type { Bench } from "./bench.ts";
import { capture } from "./process.ts";
import { need } from "./programs.ts";
import { PATH } from "./visitors.ts";

/** What one run measured. */
export interface WrkResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Requests that failed, in wrk's own words. */
  errors?: string;
}

/**
 * Loads `port` with `connections` visitors for the run's seconds.
 * @throws {Error} when not one request was answered
 */
export async function wrk(
  bench: Bench,
  port: number,
  connections: number,
  headers: string[] = [],
): Promise<WrkResult> {
  const { stdout, stderr } = await capture(
    need("wrk"),
    [
      ...["-t1", `-c${connections}`, `-d${bench.options.seconds}s`, "--latency"],
      ...headers.flatMap((header) => ["-H", header]),
      `http://127.0.0.1:${port}${PATH}`,
    ],
    bench.signal,
    bench.sampleLimitMs,
  );
  return parseWrk(stdout + stderr);
}

/** Reads wrk's report. */
export function parseWrk(text: string): WrkResult {
  const perSecond = Number(/^Requests\/sec: +([\d.]+)/m.exec(text)?.[1] ?? 0);
  if (perSecond === 0) throw new Error(`Cannot measure: wrk got no answer: ${text.trim()}`);
  const errors = /^ +(Socket errors: .+|Non-2xx or 3xx responses: .+)$/m.exec(text)?.[1];
  return {
    perSecond,
    p50Ms: milliseconds(/^ +50% +(\S+)/m.exec(text)?.[1]),
    p99Ms: milliseconds(/^ +99% +(\S+)/m.exec(text)?.[1]),
    ...errors === undefined ? {} : { errors },
  };
}

function milliseconds(text = ""): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit ?? ""];
  return factor === undefined ? NaN : Number(number) * factor;
}
