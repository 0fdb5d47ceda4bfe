/**
 * The requests of a visitor that wait for their answers, in order, and how many of them may.
 *
 * @module
 */

import type { Block } from "@agentx/common";
import type { RequestHead } from "@agentx/common/http";

/** Requests of one visitor that may wait for their answers at a time: each is kept until it has one. */
const MAX_DUE = 64;
/** Bytes of them beyond which no further one is sent. */
const MAX_DUE_BYTES = 256 * 1024;

/** A request that waits for its answer. */
export interface Exchange {
  head: RequestHead;
  /** What was sent of it, to be sent again if the tunnel turns out to be dead. */
  sent: Block;
  /** Whether `sent` is all of it. */
  whole: boolean;
  /** Header lines to add to the answer. */
  lines: string;
  /** The status, for a request to upgrade: the session must know it before it reads on. */
  status: PromiseWithResolvers<number> | undefined;
}

/** The exchanges of one upstream, the front one first. */
export class ExchangeQueue {
  #exchanges: Exchange[] = [];
  /** Bytes of what was sent of them. */
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  /** All of them. */
  get all(): readonly Exchange[] {
    return this.#exchanges;
  }

  /** How many there are. */
  get size(): number {
    return this.#exchanges.length;
  }

  /** The one whose answer comes next. */
  get first(): Exchange | undefined {
    return this.#exchanges[0];
  }

  /** Whether there are as many as may be. Nothing is lost if one more comes. */
  get full(): boolean {
    return this.size >= MAX_DUE || this.#bytes > MAX_DUE_BYTES;
  }

  /** One more was sent. */
  push(exchange: Exchange): void {
    this.#exchanges.push(exchange);
    this.#bytes += exchange.sent.size;
  }

  /** The front one has its answer. */
  shift(): void {
    this.#bytes -= this.#exchanges.shift()?.sent.size ?? 0;
    if (this.size === 0) this.#drained = void this.#drained?.resolve();
    if (!this.full) this.#room = void this.#room?.resolve();
  }

  /** Resolves when there are fewer than may be, or at the end. */
  room(): Promise<void> {
    return this.full ? (this.#room ??= Promise.withResolvers<void>()).promise : Promise.resolve();
  }

  /** Resolves when there are none, or at the end. */
  drained(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  /** No answer will come: nobody waits any more. */
  end(): void {
    this.#drained?.resolve();
    this.#room?.resolve();
  }
}
