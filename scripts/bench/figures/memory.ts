/**
 * Resident memory of a tunnel's two programs, with no visitor and with a crowd that has asked once and stays,
 * and what one of the crowd costs.
 * @module
 */
import type { Bench } from "../bench.ts";
import { settledRss } from "../memory.ts";
import { type Peer, startPeer } from "../peers/mod.ts";
import type { Requirement, Row } from "../report/row.ts";
import { attempt } from "../rounds.ts";
import { type Service, startNginx } from "../services.ts";
import { Crowd } from "../visitors.ts";
import type { Figure } from "./mod.ts";

const VISITORS = 2000;
/** A crowd gathers; what it costs when it comes all at once is told as well. */
const PER_SECOND = 250;
const BASE: Requirement = { against: "nothing", bound: 70 };
const EACH: Requirement = { against: "nothing", bound: 20 };

/** Bytes of server and client, in this order. */
interface Usage {
  empty: number[];
  full: number[];
  /** The same crowd, come as fast as it could be served. */
  rushed: number[];
}

export const memory: Figure = {
  name: "memory",
  needs: ["nginx"],
  async run(bench, peers) {
    await using service = await startNginx(bench);
    const found = new Map<string, Usage>();
    for (const peer of peers.filter(({ kind }) => kind === "ours" || kind === "tunnel")) {
      const usage = await attempt(bench, peer, () => usageOf(bench, peer, service));
      if (usage !== undefined) found.set(peer.name, usage);
    }
    const row = (
      label: string,
      unit: string,
      require: Requirement[],
      of: (u: Usage) => number,
    ) => ({
      ...{ id: `memory.${label}`, label: `memory, ${label}`, unit, better: "lower", require },
      values: Object.fromEntries([...found].map(([name, usage]) => [name, of(usage)])),
    } satisfies Row);
    return ["server", "client"].flatMap((program, at) => [
      row(`${program}, idle`, "MB", [BASE], ({ empty }) => empty[at]! / 1e6),
      row(`${program}, ${VISITORS} visitors`, "MB", [], ({ full }) => full[at]! / 1e6),
      row(
        `${program}, a visitor`,
        "KB",
        [EACH],
        ({ empty, full }) => (full[at]! - empty[at]!) / 1e3 / VISITORS,
      ),
      row(
        `${program}, a visitor, all at once`,
        "KB",
        [],
        ({ empty, rushed }) => (rushed[at]! - empty[at]!) / 1e3 / VISITORS,
      ),
    ]);
  },
};

/** A fresh pair of programs for each peer, so that nothing done before is counted. */
async function usageOf(bench: Bench, peer: Peer, service: Service): Promise<Usage> {
  const [empty, full] = await withCrowd(bench, peer, service, PER_SECOND);
  const [, rushed] = await withCrowd(bench, peer, service, Infinity);
  return { empty, full, rushed };
}

async function withCrowd(
  bench: Bench,
  peer: Peer,
  service: Service,
  perSecond: number,
): Promise<[empty: number[], full: number[]]> {
  await using running = await startPeer(bench, peer, service);
  const pids = [running.server, running.client].filter((pid) => pid !== undefined);
  const empty = await settledRss(pids, bench.signal);
  using _crowd = await Crowd.open(running.port, VISITORS, bench.signal, perSecond);
  return [empty, await settledRss(pids, bench.signal)];
}
