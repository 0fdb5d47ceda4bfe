/**
 * Many visitors at the same moment while client and server are 50 ms apart: what the first burst meets with a
 * pool of eight, and the later ones once the pool has seen what comes. A warm tunnel costs one round trip; one
 * that has to be asked for costs more.
 * @module
 */
import type { Bench } from "../bench.ts";
import { delayed } from "../link.ts";
import { type Peer, type Setup, startPeer } from "../peers/mod.ts";
import { pause } from "../process.ts";
import type { Requirement, Row } from "../report/row.ts";
import { attempt } from "../rounds.ts";
import { type Service, startNginx } from "../services.ts";
import { median, percentile } from "../stats.ts";
import { ask, visits } from "../visitors.ts";
import type { Figure } from "./mod.ts";

const VISITORS = 64;
const ONE_WAY_MS = 25;
const POOL = 8;
const ROUND_TRIPS = 1.2;
/** Round trips to take the median of. */
const TRIPS = 20;
/** Between bursts: the load that is described, long enough for a pool to refill over the link. */
const APART_MS = 1000;
const BURSTS = 8;
const QUICK_BURSTS = 4;
/** The last ones count as met by an adapted pool. */
const ADAPTED = 3;

export const burst: Figure = {
  name: "burst",
  needs: ["nginx"],
  async run(bench, peers) {
    await using service = await startNginx(bench);
    await warmUp(bench, service);
    const trip = await roundTrips(bench, service);
    bench.note(
      `burst: the slow link's round trip is ${trip.one.toFixed(1)} ms for one visitor, ` +
        `${trip.all.toFixed(1)} ms for ${VISITORS} at once; the requirement is put in the latter`,
    );
    const apart = peers.filter(({ canDelay }) => canDelay);
    const rows: Row[] = [];
    for (const maxPoolSize of [undefined, VISITORS]) {
      // The larger pool is a variant of ours alone.
      const asked = apart.filter(({ kind }) => maxPoolSize === undefined || kind === "ours");
      const found = new Map<string, number[][]>();
      for (const peer of asked) {
        const setup = maxPoolSize === undefined ? {} : { maxPoolSize };
        const times = await attempt(bench, peer, () => bursts(bench, peer, service, setup));
        if (times !== undefined) found.set(peer.name, times);
      }
      rows.push(...rowsOf(found, maxPoolSize, trip.all));
    }
    return rows;
  },
};

/** The bench's own code must be compiled before the first burst that counts. */
async function warmUp(bench: Bench, service: Service): Promise<void> {
  for (let at = 0; at < TRIPS; at++) await visits(service.port, VISITORS, bench.signal);
}

/** Times to first byte of each visitor, by burst. */
async function bursts(bench: Bench, peer: Peer, service: Service, setup: Partial<Setup>) {
  await using running = await startPeer(bench, peer, service, {
    ...setup,
    poolSize: POOL,
    delayMs: ONE_WAY_MS,
  });
  const times: number[][] = [];
  for (let at = 0; at < (bench.options.quick ? QUICK_BURSTS : BURSTS); at++) {
    await pause(APART_MS, bench.signal);
    const ends = await visits(running.port, VISITORS, bench.signal);
    const failed = ends.filter((end) => end.status === "rejected");
    if (failed.length === VISITORS) throw failed[0]!.reason;
    if (failed.length > 0) bench.note(`${peer.name}, burst: ${failed.length} visitors failed`);
    times.push(ends.flatMap((end) => end.status === "fulfilled" ? [end.value] : []));
  }
  return times;
}

/**
 * What a round trip over the slow link is: for one visitor, and for as many as a burst has at the same moment, all
 * on connections that are open already. The second holds what the bench itself costs on a busy machine.
 */
async function roundTrips(bench: Bench, service: Service): Promise<{ one: number; all: number }> {
  await using link = await delayed(bench, ONE_WAY_MS, [{ port: service.port }]);
  const conns = await Promise.all(
    Array.from({ length: VISITORS }, () => Deno.connect(link!.routes[0]!)),
  );
  using stack = new DisposableStack();
  for (const conn of conns) stack.use(conn);
  const trips = async (of: Deno.Conn[]) => {
    const times: number[] = [];
    for (let at = 0; at <= TRIPS; at++) {
      const start = performance.now();
      const ends = await Promise.all(of.map(ask));
      // The first one waits for the handshakes.
      if (at > 0) times.push(percentile(ends, 0.5) - start);
    }
    return median(times);
  };
  return { all: await trips(conns), one: await trips(conns.slice(0, 1)) };
}

function rowsOf(found: Map<string, number[][]>, maxPoolSize: number | undefined, trip: number) {
  const variant = maxPoolSize === undefined ? "" : `, max pool ${maxPoolSize}`;
  const row = (when: string, p: number, pick: (times: number[][]) => number[], bound?: number) => {
    const label = `burst of ${VISITORS}, ${ONE_WAY_MS * 2} ms${variant}, ${when}: p${p * 100}`;
    const require: Requirement[] = bound === undefined ? [] : [{ against: "nothing", bound }];
    return {
      ...{ id: label, label, unit: "ms", better: "lower", require },
      values: Object.fromEntries(
        [...found].map(([name, times]) => [name, percentile(pick(times), p)]),
      ),
      samples: Object.fromEntries(
        [...found].map(([name, times]) => [name, times.map((one) => percentile(one, p))]),
      ),
    } satisfies Row;
  };
  const first = (times: number[][]) => times[0]!;
  const adapted = (times: number[][]) => times.slice(-ADAPTED).flat();
  return [
    row("first", 0.5, first),
    row("first", 0.99, first),
    row("adapted", 0.5, adapted, ROUND_TRIPS * trip),
    row("adapted", 0.99, adapted),
  ];
}
