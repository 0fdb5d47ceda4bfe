/**
 * The figures of `docs/reliability.md`: how soon a lost client is noticed, how soon it is back, and
 * how a thousand return to a server that was killed.
 *
 * ```sh
 * deno run -A scripts/soak/figures.ts            # about eight minutes
 * deno run -A scripts/soak/figures.ts --quick    # to see that all works; not to quote
 * ```
 * @module
 */
import { reason, tag } from "@agentx/common";
import { parseArgs } from "node:util";
import { Herd } from "../../tests/faults/herd.ts";
import { FaultyRelay } from "../../tests/faults/relay.ts";
import { CheckedService } from "../../tests/faults/service.ts";
import { startClient, startServer } from "../../tests/helpers.ts";
import { served } from "../../tests/raw_peers.ts";
import { percentile } from "../bench/stats.ts";

/** One row of the table; times in seconds. */
interface Figure {
  what: string;
  samples: number;
  p50: number;
  p99: number;
  most: number;
  /** Of `p50` and `p99`, or of `most`. */
  required: { p50?: number; p99?: number; most?: number };
  complaints: string[];
}

function figure(
  what: string,
  ms: readonly number[],
  required: Figure["required"],
  complaints: string[] = [],
): Figure {
  const [p50 = NaN, p99 = NaN, most = NaN] = [0.5, 0.99, 1]
    .map((share) => Math.round(percentile([...ms], share)) / 1000);
  return { what, samples: ms.length, p50, p99, most, required, complaints };
}

/** Both ends of links that went silent at different moments, with the default heartbeat. */
async function halfOpen(clients: number): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const service = stack.use(new CheckedService());
  const server = stack.use(await startServer());
  const atServer: number[] = [];
  const atClient: number[] = [];
  await Promise.all(Array.from({ length: clients }, async (_, nth) => {
    const relay = stack.use(await FaultyRelay.listen(server.controlPort));
    const via = { controlPort: relay.port, proxyPort: server.proxyPort };
    const id = `app-${nth}`;
    const client = stack.use(
      await startClient({ server: via, id, port: service.port, flags: QUIET }),
    );
    const name = await tag(id);
    // Each at another moment between two heartbeats.
    await new Promise((resolve) => setTimeout(resolve, 15_000 * nth / clients));
    const since = performance.now();
    relay.accepting = false;
    relay.loseAll();
    const ms = 120_000;
    await Promise.all([
      server.log(
        ({ message, properties }) => message === "Client lost" && properties.client === name,
        { ms },
      ).then(() => atServer.push(performance.now() - since)),
      client.message("No link to the server", { ms })
        .then(() => atClient.push(performance.now() - since)),
    ]);
  }));
  return [
    figure("half-open link noticed by the server", atServer, { most: 45 }),
    figure("half-open link noticed by the client", atClient, { most: 45 }),
  ];
}

/** Clients whose network fails and works again at once, while the server thinks they are still there. */
async function returns(clients: number): Promise<Figure> {
  await using service = new CheckedService();
  await using server = await startServer();
  const times: number[] = [];
  for (let nth = 0; nth < clients; nth++) {
    await using control = await FaultyRelay.listen(server.controlPort);
    await using tunnels = await FaultyRelay.listen(server.proxyPort);
    const via = { controlPort: control.port, proxyPort: tunnels.port };
    const id = `app-${nth}`;
    await using client = await startClient({ server: via, id, port: service.port, flags: QUIET });
    const from = client.logs.length;
    const since = performance.now();
    tunnels.cutAll();
    control.orphanAll();
    await client.message("Registered", { from });
    await served(server.publicPort, id);
    times.push(performance.now() - since);
  }
  return figure("client back and visited, its old link half-open", times, { most: 3 });
}

/** How long a server works before it is killed again, in milliseconds; clients mistrust one that does not. */
const SERVED_MS = 8000;

/** A server killed with -9, and its clients. */
async function restarts(clients: number, downs: readonly number[]): Promise<Figure[]> {
  await using herd = await Herd.gather(clients);
  const figures = new Map<number, { times: number[]; complaints: string[] }>();
  for (const down of downs) {
    await new Promise((resolve) => setTimeout(resolve, SERVED_MS));
    const all = figures.get(down) ?? { times: [], complaints: [] };
    const { times, complaints } = await herd.restart(down * 1000);
    all.times.push(...times);
    all.complaints.push(...complaints);
    figures.set(down, all);
  }
  return [...figures].map(([down, { times, complaints }]) =>
    figure(
      `${clients} clients back after a server that was away for ${down} s`,
      times,
      { p50: 3, p99: 10 },
      complaints,
    )
  );
}

function isMet({ p50, p99, most, required, complaints }: Figure): boolean {
  const { p50: half = Infinity, p99: nearly = Infinity, most: all = Infinity } = required;
  return p50 <= half && p99 <= nearly && most <= all && complaints.length === 0;
}

function line(one: Figure): string {
  const { what, samples, p50, p99, most, required, complaints } = one;
  const wanted = Object.entries(required).map(([name, limit]) => `${name} ${limit} s`).join(", ");
  return `${what}: p50 ${p50} s, p99 ${p99} s, most ${most} s of ${samples}; required ${wanted}` +
    (isMet(one) ? "" : `; NOT MET ${complaints.slice(0, 5).join("; ")}`);
}

const USAGE = `Usage: deno run -A scripts/soak/figures.ts [options]

Measures the figures of docs/reliability.md, which takes about eight minutes. Ends with 1 if one does
not meet what is required.

  --quick       a few samples, to see that all works; not to quote
  --json FILE   also write the figures to a file, times in seconds
  --help        this text
`;

/** The services here need not be looked at. */
const QUIET = ["--service", "none"];

/** What the command line says; ends the program where there is nothing to measure. */
function readFlags() {
  const options = {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  const encoder = new TextEncoder();
  try {
    const { values } = parseArgs({ args: Deno.args, options });
    if (!values.help) return values;
    Deno.stdout.writeSync(encoder.encode(USAGE));
  } catch (error) {
    Deno.stderr.writeSync(encoder.encode(`figures.ts: ${reason(error)}\n\n${USAGE}`));
    Deno.exit(2);
  }
  Deno.exit(0);
}

if (import.meta.main) {
  const values = readFlags();
  const { quick } = values;
  const downs = quick ? [0, 2] : [0, 5, 60, 0, 5, 60, 0, 5];
  const work = [
    async () => [await returns(quick ? 3 : 50)],
    () => halfOpen(quick ? 2 : 10),
    () => restarts(quick ? 100 : 1000, downs),
  ];
  const figures: Figure[] = [];
  for (const measure of work) {
    for (const one of await measure()) {
      figures.push(one);
      await Deno.stdout.write(new TextEncoder().encode(line(one) + "\n"));
    }
  }
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(figures));
  if (!figures.every(isMet)) Deno.exitCode = 1;
}
