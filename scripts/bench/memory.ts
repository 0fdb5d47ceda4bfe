/**
 * Resident memory of a process as the kernel counts it (`VmRSS`), read once it has settled.
 * @module
 */
import { pause } from "./process.ts";

const EVERY_MS = 200;
/** Settled = this many readings in a row within 1 % of each other; garbage is then collected or is there to stay. */
const SAME = 6;
const LONGEST_MS = 10_000;

/** Resident bytes of `pid` and its descendants, or undefined where there is no /proc. */
export function rss(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    if (kib === undefined) return undefined;
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
    return children.split(" ").filter(Boolean)
      .reduce((sum, child) => sum + (rss(Number(child)) ?? 0), Number(kib) * 1024);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Resident bytes of each of `pids` once all of them stand still. */
export async function settledRss(pids: number[], signal: AbortSignal): Promise<number[]> {
  let last = pids.map((pid) => rss(pid) ?? NaN);
  const end = performance.now() + LONGEST_MS;
  let same = 1;
  while (same < SAME && performance.now() < end) {
    await pause(EVERY_MS, signal);
    const now = pids.map((pid) => rss(pid) ?? NaN);
    const still = now.every((bytes, at) => Math.abs(bytes - last[at]!) <= bytes / 100);
    same = still ? same + 1 : 1;
    if (!still) last = now;
  }
  return pids.map((pid) => rss(pid) ?? NaN);
}
