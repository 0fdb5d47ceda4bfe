/**
 * The common shape of a peer: two programs, the second started once the first one listens.
 * @module
 */
import type { Bench } from "../bench.ts";
import { listens } from "../ports.ts";
import { Running } from "../process.ts";
import type { RunningPeer } from "./mod.ts";

/** One program's command line. */
export interface Command {
  program: string;
  args: string[];
}

/** Two programs and the ports that tie them. */
export interface Pair {
  /** Program to start first, and where it listens when it is up. */
  first: Command & { hostname?: string; port: number };
  second: Command;
  /** Where visitors go. */
  port: number;
  /** What lies between the two, to be ended with them. */
  between?: AsyncDisposable | undefined;
}

/** Starts both; the first is the tunnel's server, or the hop nearer to the service. */
export async function startPair(bench: Bench, pair: Pair): Promise<RunningPeer> {
  await using stack = new AsyncDisposableStack();
  if (pair.between !== undefined) stack.use(pair.between);
  const { first, second } = pair;
  const server = stack.use(new Running(bench, first.program, first.args));
  await server.ready(() => listens(first.port, first.hostname), bench.signal);
  const client = stack.use(new Running(bench, second.program, second.args));
  const owned = stack.move();
  return {
    port: pair.port,
    server: server.pid,
    client: client.pid,
    assertAlive() {
      server.assertAlive();
      client.assertAlive();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
