/**
 * The bench: measures ARP against other tunnels and against plain relays, all in one run on one machine, prints
 * one table and writes JSON. `README.md` beside it says how each figure is taken.
 * @module
 */
import { Bench, print, progress, reason } from "./bench.ts";
import { type Figure, FIGURES } from "./figures/mod.ts";
import { choose, type Options, parseOptions, USAGE } from "./options.ts";
import { type Peer, PEERS } from "./peers/mod.ts";
import { find, missing } from "./programs.ts";
import { machine } from "./report/machine.ts";
import type { Row } from "./report/row.ts";
import { table } from "./report/table.ts";
import { judge } from "./report/verdict.ts";

const NAMES = {
  ours: PEERS.find(({ kind }) => kind === "ours")!.name,
  tunnels: PEERS.filter(({ kind }) => kind === "tunnel").map(({ name }) => name),
};

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const figures = choose("--only", options.only, FIGURES);
  const asked = choose("--peers", options.peers, PEERS);
  await using bench = new Bench(options, signal);
  const start = performance.now();
  const peers = present(bench, asked);
  const rows: Row[] = [];
  for (const figure of figures) rows.push(...await measure(bench, figure, peers));

  const on = await machine(signal);
  const took = Math.round((performance.now() - start) / 1000);
  print(`${on.cpu}, ${on.cores} cores, ${on.os} ${on.release}, Deno ${on.deno}; ${took} s\n\n`);
  print(table(rows, asked.map(({ name }) => name), NAMES));
  if (bench.notes.length > 0) print(`\n${bench.notes.map((note) => `- ${note}\n`).join("")}`);
  const result = {
    when: new Date().toISOString(),
    machine: on,
    options,
    rows: rows.map((row) => ({ ...row, verdict: judge(row, NAMES) })),
    notes: bench.notes,
  };
  await Deno.writeTextFile(options.json, JSON.stringify(result, null, 2) + "\n");
  progress(`written: ${options.json}`);
}

/** The peers that can run here; the others become remarks. */
function present(bench: Bench, peers: Peer[]): Peer[] {
  return peers.filter((peer) => {
    const lack = peer.missing();
    if (lack !== undefined) bench.note(`${peer.name}: ${lack}`);
    return lack === undefined;
  });
}

async function measure(bench: Bench, figure: Figure, peers: Peer[]): Promise<Row[]> {
  progress(figure.name);
  const lacks = figure.needs.filter((name) => find(name) === undefined).map(missing);
  for (const lack of lacks) bench.note(`${figure.name} left out: ${lack}`);
  if (lacks.length > 0) return [];
  try {
    const rows = await figure.run(bench, peers);
    return rows.filter(({ values }) => Object.keys(values).length > 0);
  } catch (error) {
    bench.signal.throwIfAborted();
    bench.note(`${figure.name} left out: ${reason(error)}`);
    return [];
  }
}

/** Runs and gives the exit code; an interrupt unwinds everything that was opened, then counts as 130. */
async function main(args: string[]): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new Error("Cannot go on: interrupted")));
  }
  try {
    const options = parseOptions(args);
    if (options.help) print(USAGE);
    else await run(options, stop.signal);
    return 0;
  } catch (error) {
    progress(reason(error));
    return stop.signal.aborted ? 130 : error instanceof TypeError ? 2 : 1;
  }
}

Deno.exit(await main(Deno.args));
