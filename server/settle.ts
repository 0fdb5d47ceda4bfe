/**
 * The first moments of a server that takes the place of another: visitors are here at once, and the
 * clients they want are still on their way. Until those are back their visitors wait, in order.
 *
 * @module
 */

import { Refusal } from "@agentx/common/http";

/** How long a visitor waits for a client, in milliseconds. */
const WAIT_MS = 10_000;
/** How long one waits that could go elsewhere, if the token it names first is none of a client. */
const BRIEF_MS = 2000;
/** Tokens of one visitor that are waited for. */
const MAX_TOKENS = 8;
/** Visitors that wait, whoever for. */
const MAX_WAITING = 4096;

/** No client of these tokens is here. */
export class NotHere extends Refusal {
  /** The tokens, any of which would do; of a visitor token, its `aud`. */
  tokens: readonly string[] = [];
  /** Whether the visitor goes elsewhere if none of them comes. */
  brief = false;

  /** The refusal, for want of a client with one of these tokens. */
  static of(
    tokens: readonly string[],
    { refusal, brief = false }: { refusal?: Refusal; brief?: boolean } = {},
  ): NotHere {
    const { status = 503, message = "Not here yet", hint, retryAfter } = refusal ?? {};
    return Object.assign(new NotHere(status, message, hint, retryAfter), { tokens, brief });
  }
}

/** Options of a {@link Settle}. */
export interface SettleOptions {
  /** For how long after the start visitors wait, in milliseconds; 0 is never. */
  ms: number;
  /** How many may wait for one client. */
  queue: number;
}

type Waiter = (came: boolean) => void;

/** The visitors that wait for a client to return. */
export class Settle {
  #until: number;
  #waiting = new Map<string, Set<Waiter>>();
  #count = 0;
  /** Those that have waited, and will not again. */
  #waited = new WeakSet<object>();

  constructor(private readonly options: SettleOptions = { ms: 0, queue: 0 }) {
    this.#until = performance.now() + options.ms;
  }

  /** Whether clients may still be on their way. */
  get active(): boolean {
    return performance.now() < this.#until;
  }

  /** Whether a visitor should wait for the token it names first, though another leads to a client. */
  holdsBack(visitor: object): boolean {
    return this.active && !this.#waited.has(visitor);
  }

  /**
   * Routes a visitor, as soon as the client that it wants is here.
   *
   * @throws what `route` throws: {@link NotHere} when the client did not come in time.
   */
  async until<T>(visitor: object, route: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await route();
      } catch (error) {
        if (!await this.#arrives(error, visitor)) throw error;
      }
    }
  }

  /** @returns whether it is worth another try. */
  async #arrives(error: unknown, visitor: object): Promise<boolean> {
    if (!(error instanceof NotHere) || !this.holdsBack(visitor)) return false;
    const left = this.#until - performance.now();
    const came = await this.#wait(error.tokens, Math.min(left, error.brief ? BRIEF_MS : WAIT_MS));
    if (!came) this.#waited.add(visitor);
    return came || error.brief;
  }

  #wait(all: readonly string[], ms: number): Promise<boolean> {
    // A request may hold thousands, and each would be a queue of its own.
    const tokens = [...new Set(all)].slice(0, MAX_TOKENS);
    const queues = tokens.map((token) => this.#queue(token));
    const full = queues.some(({ size }) => size >= this.options.queue);
    if (full || this.#count >= MAX_WAITING) {
      this.#sweep(tokens);
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      this.#count++;
      const waiter = (came: boolean) => {
        clearTimeout(timer);
        this.#count--;
        for (const queue of queues) queue.delete(waiter);
        this.#sweep(tokens);
        resolve(came);
      };
      // Timers take whole milliseconds, and one that is early would find that there is time left.
      const timer = setTimeout(waiter, Math.ceil(ms), false);
      for (const queue of queues) queue.add(waiter);
    });
  }

  #queue(token: string): Set<Waiter> {
    let queue = this.#waiting.get(token);
    if (queue === undefined) this.#waiting.set(token, queue = new Set());
    return queue;
  }

  #sweep(tokens: readonly string[]): void {
    for (const token of tokens) {
      if (this.#waiting.get(token)?.size === 0) this.#waiting.delete(token);
    }
  }

  /** A client of these tokens is here: whoever waits for it goes on, the first first. */
  arrived(tokens: readonly string[]): void {
    if (this.#waiting.size === 0) return;
    for (const token of tokens) {
      for (const waiter of [...this.#waiting.get(token) ?? []]) waiter(true);
    }
  }

  /** Nobody comes any more. */
  end(): void {
    this.#until = 0;
    for (const queue of [...this.#waiting.values()]) for (const waiter of [...queue]) waiter(false);
  }
}
