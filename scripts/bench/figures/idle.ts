/**
 * What one more visitor waits for its answer with nobody else there, and with thousands that stay and are silent.
 * The first is taken before and after the crowd, so that warmed-up code or a slower machine does not pass for an
 * effect of the crowd.
 * @module
 */
import type { Bench } from "../bench.ts";
import { type Peer, startPeer } from "../peers/mod.ts";
import type { Row } from "../report/row.ts";
import { attempt } from "../rounds.ts";
import { type Service, startNginx } from "../services.ts";
import { median } from "../stats.ts";
import { Crowd, visit } from "../visitors.ts";
import type { Figure } from "./mod.ts";

const VISITORS = 5000;
const SAMPLES = 300;
const WARM_UP = 200;
const LARGEST_RATIO = 1.5;

/** Median milliseconds. */
interface Latency {
  alone: number;
  crowded: number;
}

export const idle: Figure = {
  name: "idle",
  needs: ["nginx"],
  async run(bench, peers) {
    await using service = await startNginx(bench);
    const found = new Map<string, Latency>();
    // Ten thousand processes would measure the system, not socat.
    for (const peer of peers.filter(({ name }) => name !== "socat")) {
      const latency = await attempt(bench, peer, () => latencyOf(bench, peer, service));
      if (latency !== undefined) found.set(peer.name, latency);
    }
    const row = (label: string, unit: string, of: (latency: Latency) => number) => ({
      ...{ id: `idle.${label}`, label: `one more visitor, ${label}`, unit, better: "lower" },
      ...{ require: [] },
      values: Object.fromEntries([...found].map(([name, latency]) => [name, of(latency)])),
    } satisfies Row);
    return [
      row("nobody idle", "ms", ({ alone }) => alone),
      row(`${VISITORS} idle`, "ms", ({ crowded }) => crowded),
      {
        ...row("ratio of the two", "", ({ alone, crowded }) => crowded / alone),
        require: [{ against: "nothing", bound: LARGEST_RATIO }],
      },
    ];
  },
};

async function latencyOf(bench: Bench, peer: Peer, service: Service): Promise<Latency> {
  await using running = await startPeer(bench, peer, service);
  const inTurn = async (count: number) => {
    const times: number[] = [];
    for (let at = 0; at < count; at++) times.push(await visit(running.port, bench.signal));
    return times;
  };
  await inTurn(WARM_UP);
  const before = await inTurn(SAMPLES);
  const crowded = await crowdedVisits(bench, running.port, inTurn);
  const after = await inTurn(SAMPLES);
  return { alone: median([...before, ...after]), crowded: median(crowded) };
}

async function crowdedVisits(
  bench: Bench,
  port: number,
  inTurn: (count: number) => Promise<number[]>,
): Promise<number[]> {
  using _crowd = await Crowd.open(port, VISITORS, bench.signal);
  return await inTurn(SAMPLES * 2);
}
