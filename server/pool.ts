/**
 * The warm tunnels of one client, and the visitors that wait for one.
 *
 * @module
 */

import { Refusal } from "@agentx/common/http";
import { Demand } from "./demand.ts";
import { Account } from "./stats/account.ts";
import type { Tunnel } from "./tunnel.ts";

/** Sizes and times of a {@link Pool}. */
export interface PoolOptions {
  /** Warm tunnels at rest. */
  size: number;
  /** Warm tunnels at most, however great the demand. */
  max: number;
  /** Visitors that may wait for a tunnel. */
  queue: number;
  /** How long one may wait, in milliseconds. */
  wait: number;
  /** How long a tunnel may stay idle, in milliseconds: routers forget quiet connections. */
  maxIdle: number;
}

interface Waiter {
  resolve(tunnel: Tunnel): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
  /** When it came, by `performance.now()`. */
  since: number;
  /** The queue it stands in; a new registration of the client takes the queue over. */
  queue: Set<Waiter>;
}

/** The idle tunnels of a client; each is in here, or with exactly one visitor. */
export class Pool {
  /** The newest last: it is the likeliest to be alive. */
  #idle: Tunnel[] = [];
  #waiting = new Set<Waiter>();
  /** Left by their visitor, not yet by the service. */
  #leaving = new Set<Tunnel>();
  #asked = 0;
  #demand = new Demand();
  #closed: Refusal | undefined;

  /**
   * @param ask requests that many tunnels from the client.
   * @param account counts what becomes of visitors and tunnels.
   */
  constructor(
    readonly options: PoolOptions,
    private readonly ask: (count: number) => void,
    private readonly account: Account = new Account("", ""),
  ) {}

  /** Idle tunnels. */
  get idle(): number {
    return this.#idle.length;
  }

  /** Tunnels that were asked for and have not come yet. */
  get asked(): number {
    return this.#asked;
  }

  /** Visitors in the queue. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Idle tunnels to keep, by demand. */
  get target(): number {
    const { size, max } = this.options;
    return Math.max(size, Math.min(this.#demand.peak, max));
  }

  /**
   * A tunnel for a visitor: the newest idle one, else the next that comes.
   *
   * @throws {Refusal} 503 when the queue is full or the client went offline, 504 after the wait.
   */
  take(): Promise<Tunnel> {
    if (this.#closed !== undefined) {
      this.account.gaveUp("offline");
      return Promise.reject(this.#closed);
    }
    this.#demand.arrived(performance.now());
    const tunnel = this.#idle.pop();
    if (tunnel === undefined && this.#waiting.size >= this.options.queue) {
      this.account.gaveUp("queue_full");
      return Promise.reject(
        new Refusal(503, "Too many visitors wait for this client", "Try again shortly.", 5),
      );
    }
    if (tunnel !== undefined) this.account.took(0);
    const taken = tunnel === undefined ? this.#enqueue() : Promise.resolve(tunnel);
    this.refill();
    return taken;
  }

  #enqueue(): Promise<Tunnel> {
    const { promise, resolve, reject } = Promise.withResolvers<Tunnel>();
    const timer = setTimeout(() => {
      waiter.queue.delete(waiter);
      this.account.gaveUp("timeout");
      reject(
        new Refusal(
          504,
          "The client opened no tunnel in time",
          "It may be overloaded or asleep.",
        ),
      );
    }, this.options.wait);
    const since = performance.now();
    const waiter: Waiter = { resolve, reject, timer, since, queue: this.#waiting };
    this.#waiting.add(waiter);
    return promise;
  }

  /** A tunnel that was asked for came, `ms` milliseconds later. */
  put(tunnel: Tunnel, ms: number): void {
    this.#asked--;
    this.account.opened++;
    this.#demand.refilled(ms);
    this.#welcome(tunnel);
  }

  /**
   * A visitor has left, and nothing is due to it: its tunnel comes back once the service has left
   * too, if it is of a kind that can.
   */
  async giveBack(tunnel: Tunnel): Promise<void> {
    this.#leaving.add(tunnel);
    const reusable = await tunnel.release();
    this.#leaving.delete(tunnel);
    if (!reusable) return;
    this.account.reused++;
    if (this.#idle.length < this.options.max) this.#welcome(tunnel);
    else tunnel.close();
  }

  #welcome(tunnel: Tunnel): void {
    if (this.#closed !== undefined) return tunnel.close();
    for (const waiter of this.#waiting) {
      this.#waiting.delete(waiter);
      clearTimeout(waiter.timer);
      // What waited less than the clock can tell has waited all the same.
      this.account.took(Math.max(performance.now() - waiter.since, 0.001));
      return waiter.resolve(tunnel);
    }
    this.#idle.push(tunnel);
    tunnel.watch(() => {
      if (this.#lost(tunnel)) this.account.lost++;
    });
  }

  /** A tunnel that was asked for did not come in time. */
  missed(): void {
    this.#asked--;
    this.refill();
  }

  /** Moves the visitors that wait to the pool of the client's new registration. */
  handOver(to: Pool): void {
    for (const waiter of this.#waiting) {
      waiter.queue = to.#waiting;
      to.#waiting.add(waiter);
    }
    this.#waiting.clear();
  }

  /** Asks for what is missing, counting what was asked for already. */
  refill(): void {
    const missing = this.target + this.#waiting.size - this.#idle.length - this.#asked;
    if (missing <= 0 || this.#closed !== undefined) return;
    this.#asked += missing;
    this.ask(missing);
  }

  /** Every few seconds: retires old tunnels, trims those the demand no longer calls for, repairs. */
  sweep(now: number = performance.now()): void {
    this.#demand.decay();
    let surplus = this.#idle.length - this.target;
    const old = now - this.options.maxIdle;
    for (const tunnel of [...this.#idle]) {
      if (surplus > 0 || tunnel.since < old) {
        surplus--;
        this.#lost(tunnel);
      }
    }
    this.refill();
  }

  /** Replaces the idle tunnels: they may be dead, and only their next visitor would notice. */
  renew(): void {
    for (const tunnel of [...this.#idle]) this.#lost(tunnel);
    this.refill();
  }

  /** Ends all idle tunnels and turns the waiting visitors away. */
  close(why: Refusal): void {
    this.#closed = why;
    for (const tunnel of [...this.#idle.splice(0), ...this.#leaving]) tunnel.close();
    for (const waiter of this.#waiting) {
      clearTimeout(waiter.timer);
      this.account.gaveUp("offline");
      waiter.reject(why);
    }
    this.#waiting.clear();
  }

  /**
   * An idle tunnel is of no use any more; one that a visitor took is not the pool's to close.
   *
   * @returns whether it was idle.
   */
  #lost(tunnel: Tunnel): boolean {
    const at = this.#idle.indexOf(tunnel);
    if (at < 0) return false;
    this.#idle.splice(at, 1);
    tunnel.close();
    return true;
  }
}
