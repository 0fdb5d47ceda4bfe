/**
 * How fast command mode is: from a CLI's standard output through `arpc`, the tunnel and `arps` to
 * those who watch, everything on this machine. A program that writes lines with the time on them
 * stands in for the CLI.
 *
 * ```sh
 * deno run -A scripts/bench/command.ts            # about a minute
 * ```
 *
 * Ends with 1 when a figure is not what is required. Linux and macOS; memory is measured on Linux.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { print, progress } from "./bench.ts";
import { Site } from "./command/site.ts";
import { watch } from "./command/viewer.ts";
import { rss } from "./memory.ts";
import { median, percentile } from "./stats.ts";

/** One line of the result. */
interface Result {
  what: string;
  found: string;
  required: string;
  met: boolean;
}

const MIB = 1024 * 1024;

/** Time from the write to the viewer, in milliseconds, seen by so many viewers at once. */
async function latency(site: Site, viewers: number, lines: number, limit: number): Promise<Result> {
  progress(`${viewers} viewers`);
  const session = await site.create(`lines=${lines} rate=10`);
  const seen = await Promise.all(
    Array.from({ length: viewers }, () => watch(site.stream(session))),
  );
  const times = seen.flatMap(({ latencies }) => latencies);
  if (times.length !== viewers * lines) throw new Error(`Cannot use ${times.length} times`);
  // The first lines are those of a CLI and viewers that only begin.
  const late = seen.flatMap(({ latencies }) => latencies.slice(Math.floor(lines / 10)));
  const p99 = percentile(late, 0.99);
  return {
    what: `line to viewer, ${viewers} watching, 10 a second`,
    found: `p50 ${median(late).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    required: `p99 <= ${limit} ms`,
    met: p99 <= limit,
  };
}

/** One child as fast as it can write, and what that costs. */
async function flood(site: Site): Promise<Result[]> {
  const [lines, rate] = [500_000, 50_000];
  progress(`${lines} lines, ${rate} a second`);
  const base = rss(site.clientPid) ?? NaN;
  let peak = base;
  const timer = setInterval(() => peak = Math.max(peak, rss(site.clientPid) ?? NaN), 50);
  const session = await site.create(`lines=${lines} rate=${rate} bytes=100`);
  const { count, inOrder, took } = await watch(site.stream(session));
  clearInterval(timer);
  const more = (peak - base) / MIB;
  const wrote = took === undefined ? NaN : lines / took * 1000;
  return [
    {
      what: `${lines} lines from one child`,
      found: `${count} seen${inOrder ? " in order" : ", out of order"}, written at ${
        wrote.toFixed(0)
      }/s`,
      required: `all in order, ${rate * 0.95}/s`,
      met: count === lines && inOrder && wrote >= rate * 0.95,
    },
    {
      what: "memory over base in it",
      found: `${more.toFixed(0)} MB`,
      required: "<= 100 MB",
      met: !(more > 100),
    },
  ];
}

/** From the request to the CLI's first line, against the same program started by hand. */
async function start(site: Site): Promise<Result> {
  progress("starts");
  const [ours, alone]: [number[], number[]] = [[], []];
  for (let round = 0; round < 15; round++) {
    alone.push(await site.startAlone());
    const begin = performance.timeOrigin + performance.now();
    const session = await site.create("lines=1");
    const { first } = await watch(site.stream(session));
    ours.push(first! - begin);
  }
  const more = median(ours) - median(alone);
  return {
    what: "start of a session over the CLI's own",
    found: `${more.toFixed(1)} ms (${median(ours).toFixed(0)} and ${median(alone).toFixed(0)})`,
    required: "<= 30 ms",
    met: more <= 30,
  };
}

async function main(): Promise<number> {
  const writer = join(fileURLToPath(new URL(".", import.meta.url)), "command/writer.ts");
  await using site = await Site.open(writer);
  const results = [
    await latency(site, 1, 200, 10),
    await latency(site, 200, 100, 50),
    ...await flood(site),
    await start(site),
  ];
  const width = (pick: (result: Result) => string) =>
    Math.max(...results.map((result) => pick(result).length));
  const [what, found, required] = [
    width((result) => result.what),
    width((result) => result.found),
    width((result) => result.required),
  ];
  for (const result of results) {
    print(
      `${result.what.padEnd(what)}  ${result.found.padEnd(found)}  ${
        result.required.padEnd(required)
      }  ${result.met ? "met" : "MISSED"}\n`,
    );
  }
  return results.every(({ met }) => met) ? 0 : 1;
}

Deno.exit(await main());
