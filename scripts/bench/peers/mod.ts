/**
 * What a peer is, and the list of them. A new peer is one file here and one line in `PEERS`.
 * @module
 */
import type { Bench } from "../bench.ts";
import type { Service } from "../services.ts";
import { waitUntil } from "../process.ts";
import { arp } from "./arp.ts";
import { bore } from "./bore.ts";
import { direct } from "./direct.ts";
import { haproxy } from "./haproxy.ts";
import { rathole } from "./rathole.ts";
import { socat } from "./socat.ts";

/** How a peer is to be started. */
export interface Setup {
  /** Port of the service to expose, on 127.0.0.1. */
  servicePort: number;
  /** One-way delay between the peer's two programs; none when undefined. */
  delayMs?: number;
  /** Warm tunnels to hold, for peers that have such a setting. */
  poolSize?: number;
  /** Most warm tunnels to grow to, for peers that have such a setting. */
  maxPoolSize?: number;
}

/** A peer that runs; disposing it ends its programs. */
export interface RunningPeer extends AsyncDisposable {
  /** Where visitors go, on 127.0.0.1. */
  port: number;
  /** Throws, with the last it said, when one of its programs has ended. */
  assertAlive(): void;
  /** Process id of the program visitors connect to, if there is one. */
  server?: number;
  /** Process id of the program beside the service, if there is one. */
  client?: number;
}

/** One way to reach the service. */
export interface Peer {
  name: string;
  /** `ours` is compared with the best `tunnel`; `native` and `direct` are ceilings. */
  kind: "ours" | "tunnel" | "native" | "direct";
  /** Whether a delay can be put between its two programs. */
  canDelay: boolean;
  /** Why it cannot run here, or undefined when it can. */
  missing(): string | undefined;
  start(bench: Bench, setup: Setup): Promise<RunningPeer>;
}

/** All peers, in the order of the table's columns. */
export const PEERS: Peer[] = [arp, rathole, bore, socat, haproxy, direct];

/** Starts a peer before a service and waits until the service answers through it. */
export async function startPeer(
  bench: Bench,
  peer: Peer,
  service: Service,
  setup: Omit<Setup, "servicePort"> = {},
): Promise<RunningPeer> {
  const running = await peer.start(bench, { ...setup, servicePort: service.port });
  try {
    await waitUntil(() => service.answersAt(running.port), bench.signal, peer.name, () => {
      running.assertAlive();
    });
    return running;
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}
