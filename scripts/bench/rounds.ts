/**
 * The peers take turns: every round asks each of them once, in another order each time, so that a noisy moment
 * of the machine hits all alike. A peer that fails leaves an empty cell and a remark, not a broken run.
 * @module
 */
import { type Bench, progress, reason } from "./bench.ts";
import { type Peer, type RunningPeer, startPeer } from "./peers/mod.ts";
import type { Service } from "./services.ts";

/** Samples by peer name. */
export type Samples<T> = Map<string, T[]>;

/**
 * Starts all peers before `service` and samples them in turn. A round before the first is not counted: code that
 * is compiled while it runs is slow for its first seconds, and a server runs for longer.
 */
export async function alternate<T>(
  bench: Bench,
  peers: Peer[],
  service: Service,
  sample: (running: RunningPeer, peer: Peer) => Promise<T>,
): Promise<Samples<T>> {
  await using stack = new AsyncDisposableStack();
  const samples: Samples<T> = new Map();
  const running = new Map<Peer, RunningPeer>();
  for (const peer of peers) {
    const started = await attempt(bench, peer, () => startPeer(bench, peer, service));
    if (started !== undefined) running.set(peer, stack.use(started));
  }
  for (let round = 0; round <= bench.options.rounds; round++) {
    for (const [peer, started] of turned([...running], round)) {
      progress(round === 0 ? `  warm-up: ${peer.name}` : `  round ${round}: ${peer.name}`);
      const value = await attempt(bench, peer, () => sample(started, peer));
      if (round > 0 && value !== undefined) {
        samples.set(peer.name, [...samples.get(peer.name) ?? [], value]);
      }
    }
  }
  return samples;
}

/** Runs `work`; a failure becomes a remark, unless the whole run was aborted. */
export async function attempt<T>(
  bench: Bench,
  peer: Peer,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    bench.signal.throwIfAborted();
    bench.note(`${peer.name}: ${reason(error)}`);
    return undefined;
  }
}

function turned<T>(list: T[], by: number): T[] {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
