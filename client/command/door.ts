/**
 * The front of command mode: one port on loopback, behind which stand the API and, under `/proxy`,
 * the other ports of this machine.
 *
 * The API is an HTTP server of the runtime's, which cannot pass a WebSocket, a compressed body or a
 * raw stream on as it came. So the door reads the head of each request, and the bytes go to the one
 * or the other untouched.
 *
 * @module
 */

import {
  acceptLoop,
  type Address,
  closeQuietly,
  type Conn,
  getLogger,
  type Listener,
  listenTcp,
} from "@agentx/common";
import type { CommandConfig } from "./config.ts";
import { ReachablePorts } from "./door/ports.ts";
import { Visit, type VisitOptions, type VisitTimes } from "./door/visit.ts";

const log = getLogger(["arpc", "door"]);

const TIMES: VisitTimes = {
  head: 10_000,
  idle: 75_000,
  answer: 600_000,
  stall: 300_000,
  ended: 2000,
};

/** What a door is opened with; the address is where to listen, port 0 for any. */
export interface DoorOptions extends Address, Pick<VisitOptions, "inner" | "authorize"> {
  config: Pick<CommandConfig, "proxyPorts" | "apiKey">;
  /** Further ports of this program that `/proxy` must not reach. */
  own?: readonly number[];
  times?: Partial<VisitTimes>;
}

/** The open door. Disposing it ends all connections. */
export class Door implements AsyncDisposable {
  /** Where it listens. */
  readonly address: Address;
  readonly #listener: Listener;
  readonly #accepting: Promise<void>;
  readonly #visits = new Map<Visit, Promise<void>>();
  #closed = false;

  private constructor(listener: Listener, options: VisitOptions) {
    this.address = listener.address;
    this.#listener = listener;
    this.#accepting = acceptLoop(listener, log, (conn) => this.#welcome(conn, options));
  }

  /** @throws {Error} when the port cannot be had, as {@link listenTcp} does. */
  static open(
    { hostname, port, inner, config, own = [], authorize, times }: DoorOptions,
  ): Door {
    const listener = listenTcp({ hostname, port });
    const unreachable = new Set([listener.address.port, inner.port, ...own]);
    return new Door(listener, {
      inner,
      authorize,
      apiKey: config.apiKey,
      ports: new ReachablePorts(config.proxyPorts, unreachable),
      times: { ...TIMES, ...times },
    });
  }

  /** How many connections are open. */
  get visits(): number {
    return this.#visits.size;
  }

  #welcome(conn: Conn, options: VisitOptions): void {
    if (this.#closed) return closeQuietly(conn);
    const visit = new Visit(conn, options);
    this.#visits.set(visit, visit.run().finally(() => this.#visits.delete(visit)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#listener.close();
    for (const visit of this.#visits.keys()) visit.abort();
    await Promise.all([this.#accepting, ...this.#visits.values()]);
  }
}
