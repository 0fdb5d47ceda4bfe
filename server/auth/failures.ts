/**
 * How often registrations of one address may fail.
 *
 * @module
 */

import { Recent } from "@agentx/common";

/** Failures in a row, and how many a minute after that. */
const BURST = 10;
const PER_MINUTE = 10;
/** Networks remembered; beyond that the one that failed longest ago is forgotten. */
const MAX_NETWORKS = 10_000;

interface Bucket {
  /** Failures that are left, as of `at`. */
  left: number;
  at: number;
}

/** Counts the failures of each network, by its `addressKey()`. */
export class Failures {
  readonly #buckets: Recent<string, Bucket>;
  readonly #refillMs: number;

  /** @param perMinute failures that a network may have once the first ten are used up. */
  constructor(max: number = MAX_NETWORKS, perMinute: number = PER_MINUTE) {
    this.#buckets = new Recent(max);
    this.#refillMs = 60_000 / perMinute;
  }

  /** Networks remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Milliseconds until the network may try again; 0 if it may now. */
  wait(network: string, now: number = performance.now()): number {
    const { left } = this.#level(network, now);
    return left >= 1 ? 0 : Math.max(1, Math.round((1 - left) * this.#refillMs));
  }

  /**
   * Enters a failure.
   *
   * @returns whether it was the last one for now.
   */
  add(network: string, now: number = performance.now()): boolean {
    const bucket = this.#level(network, now);
    bucket.left = Math.max(0, bucket.left - 1);
    this.#buckets.set(network, bucket);
    return bucket.left < 1;
  }

  #level(network: string, now: number): Bucket {
    const { left, at } = this.#buckets.peek(network) ?? { left: BURST, at: now };
    return { left: Math.min(BURST, left + (now - at) / this.#refillMs), at: now };
  }
}
