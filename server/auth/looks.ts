/**
 * How often an address is told at once whether a token is right.
 *
 * That takes no hash, so it would be the fastest way to guess; and it is the only way in for who is at
 * one address with somebody that guesses. Those who are told that they are right cost nothing. Those
 * who are wrong use up what the address has, and then it goes on in turn.
 *
 * @module
 */

import { Failures } from "./failures.ts";

/** Looks in vain of one network, after the ten at once that it has as with {@link Failures}. */
const PER_MINUTE = 60;
/** Networks remembered. */
const MAX_NETWORKS = 10_000;
/** Registrations of one client id that may wait for a look. */
const WAITING = 64;
/** How long one may wait, in milliseconds: after 10 s a client gives up. */
const PATIENCE_MS = 8000;

/** Says which is the right one; -1 for none. */
type Look = () => number;

interface Waiter {
  look: Look;
  resolve(found: number): void;
  /** By `performance.now()`. */
  until: number;
}

/** Those of a network that wait, by client id: ids have their turn one after another. */
interface Line {
  byId: Map<string, Waiter[]>;
  timer: ReturnType<typeof setTimeout>;
}

/** Lets networks look, each by its `addressKey()`. */
export class Looks implements Disposable {
  readonly #vain: Failures;
  readonly #lines = new Map<string, Line>();

  /** @param perMinute replaced in tests, as is `patience`. */
  constructor(
    perMinute: number = PER_MINUTE,
    private readonly patience: number = PATIENCE_MS,
  ) {
    this.#vain = new Failures(MAX_NETWORKS, perMinute);
  }

  /** Networks of which somebody waits. */
  get size(): number {
    return this.#lines.size;
  }

  /**
   * Looks when it may.
   *
   * @param id of a client that is known there, and may wait for its turn; undefined for a stranger.
   * @returns what the look returned; -1 when there was none.
   */
  take(network: string, id: string | undefined, look: Look): number | Promise<number> {
    const line = this.#lines.get(network);
    if (line === undefined && this.#vain.wait(network) === 0) return this.#look(network, look);
    if (id === undefined) return -1;
    const waiting = line?.byId.get(id) ?? [];
    if (waiting.length >= WAITING) return -1;
    const { promise, resolve } = Promise.withResolvers<number>();
    waiting.push({ look, resolve, until: performance.now() + this.patience });
    if (line === undefined) {
      this.#lines.set(network, { byId: new Map([[id, waiting]]), timer: this.#wake(network) });
    } else line.byId.set(id, waiting);
    return promise;
  }

  /** Nobody waits any longer. */
  [Symbol.dispose](): void {
    for (const { byId, timer } of this.#lines.values()) {
      clearTimeout(timer);
      for (const { resolve } of [...byId.values()].flat()) resolve(-1);
    }
    this.#lines.clear();
  }

  #look(network: string, look: Look): number {
    const found = look();
    if (found < 0) this.#vain.add(network);
    return found;
  }

  #wake(network: string): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#turn(network), this.#vain.wait(network));
  }

  /** Goes on until the first that is wrong: who is right holds up nobody. */
  #turn(network: string): void {
    const line = this.#lines.get(network)!;
    const now = performance.now();
    while (line.byId.size > 0 && this.#vain.wait(network) === 0) {
      const [[id, waiting]] = line.byId as Iterable<[string, Waiter[]]> as [[string, Waiter[]]];
      line.byId.delete(id);
      const waiter = waiting.shift()!;
      if (waiting.length > 0) line.byId.set(id, waiting); // at the end
      waiter.resolve(waiter.until < now ? -1 : this.#look(network, waiter.look));
    }
    if (line.byId.size === 0) this.#lines.delete(network);
    else line.timer = this.#wake(network);
  }
}
