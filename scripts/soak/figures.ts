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
    const peer = server.logs.findLast(({ message }) => message === "Client registered")!.properties;
    // Each at another moment between two heartbeats.
    await new Promise((resolve) => setTimeout(resolve, 15_000 * nth / clients));
    const since = performance.now();
    relay.accepting = false;
    relay.loseAll();
    const ms = 120_000;
    await Promise.all([
      server.log(
        ({ message, properties }) => message === "Client lost" && properties.client === peer.client,
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

/** A client whose network fails and works again at once, while the server thinks it is still there. */
async function returns(rounds: number): Promise<Figure> {
  await using service = new CheckedService();
  await using server = await startServer();
  await using relay = await FaultyRelay.listen(server.controlPort);
  await using tunnels = await FaultyRelay.listen(server.proxyPort);
  const via = { controlPort: relay.port, proxyPort: tunnels.port };
  await using client = await startClient({
    server: via,
    id: "app",
    port: service.port,
    flags: QUIET,
  });
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = client.logs.length;
    const since = performance.now();
    tunnels.cutAll();
    relay.orphanAll();
    await client.message("Registered", { from });
    await served(server.publicPort, "app");
    times.push(performance.now() - since);
    relay.endOrphans();
  }
  return figure("client back and visited, its old link half-open", times, { most: 3 });
}

/** A server killed with -9, and its clients. */
async function restarts(clients: number, downs: readonly number[]): Promise<Figure[]> {
  await using herd = await Herd.gather(clients);
  const figures = new Map<number, { times: number[]; complaints: string[] }>();
  for (const down of downs) {
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

/** The services here need not be looked at. */
const QUIET = ["--service", "none"];

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { quick: { type: "boolean", default: false }, json: { type: "string" } },
  });
  const { quick } = values;
  const herd = await restarts(quick ? 100 : 1000, quick ? [0, 2] : [0, 5, 60, 0, 5, 60, 0, 5]);
  const rest = [await returns(quick ? 3 : 30), ...await halfOpen(quick ? 2 : 10)];
  const figures = [...herd, ...rest];
  let bad = 0;
  for (const { what, samples, p50, p99, most, required, complaints } of figures) {
    const wanted = Object.entries(required) as [keyof typeof required, number][];
    const met = wanted.every(([name, limit]) => ({ p50, p99, most })[name] <= limit) &&
      complaints.length === 0;
    if (!met) bad++;
    const line = `${what}: p50 ${p50} s, p99 ${p99} s, most ${most} s (${samples}); required ` +
      wanted.map(([name, limit]) => `${name} ${limit} s`).join(", ") +
      (met ? "" : ` NOT MET ${complaints.slice(0, 5).join("; ")}`);
    await Deno.stdout.write(new TextEncoder().encode(line + "\n"));
  }
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(figures));
  if (bad > 0) Deno.exitCode = 1;
}
