/**
 * How many connections one address may have, and how fast it may open them.
 *
 * @module
 */

import { addressKey } from "./address.ts";

/** Limits per address; 0 is none. */
export interface AddressLimits {
  /** Connections at a time. */
  count: number;
  /** New connections per second; twice as many may come in one burst. */
  rate: number;
  /** Addresses that are told apart at a time; 50,000 by default. */
  addresses?: number;
}

const MAX_ADDRESSES = 50_000;
/** After this many milliseconds it is worth to look for room again. */
const NO_ROOM_MS = 1000;
/** Part of the addresses that is forgotten in one go, so that it is not done for each that comes. */
const ROOM = 1 / 8;

/** The place of a connection that was let in. */
export interface Place {
  readonly key: string;
  count: number;
  /** Token bucket: what is left, and when that was. */
  tokens: number;
  at: number;
}

/**
 * Keeps count of the connections of each address, an IPv6 one by its first 64 bits.
 *
 * Its memory is bounded. An address is worth remembering while it has connections or has used up its
 * rate, and such are never forgotten: nobody gets rid of a record by making the server meet others.
 * Of the rest the oldest make room, and lose nothing by it. Where there is no room left, addresses
 * that are not known count as one.
 */
export class PerAddress {
  #places = new Map<string, Place>();
  /** All addresses for which there is no room. */
  readonly #crowd: Place;
  #noRoomUntil = -Infinity;

  constructor(private readonly limits: AddressLimits) {
    this.#crowd = this.#place("", 0);
  }

  /** Addresses with a connection, or a rate still to recover. */
  get size(): number {
    return this.#places.size;
  }

  /** Lets a connection in; undefined when its address is over a limit. */
  enter(address: string, now: number = performance.now()): Place | undefined {
    const { count, rate } = this.limits;
    if (count === 0 && rate === 0) return this.#crowd;
    const place = this.#find(addressKey(address), now);
    this.#recover(place, now);
    if (count > 0 && place.count >= count) return undefined;
    if (rate > 0) {
      if (place.tokens < 1) return undefined;
      place.tokens--;
    }
    place.count++;
    return place;
  }

  /** A connection that was let in has ended. */
  leave(place: Place): void {
    place.count--;
    if (this.limits.rate === 0 && place.count <= 0) this.#places.delete(place.key);
  }

  /** Every few seconds: forgets addresses without connections whose rate has recovered. */
  sweep(now: number = performance.now()): void {
    for (const place of this.#places.values()) {
      this.#recover(place, now);
      if (place.count <= 0 && place.tokens >= this.#burst) this.#places.delete(place.key);
    }
  }

  get #burst(): number {
    return this.limits.rate * 2;
  }

  #place(key: string, now: number): Place {
    return { key, count: 0, tokens: this.#burst, at: now };
  }

  #recover(place: Place, now: number): void {
    const gained = Math.max(0, now - place.at) / 1000 * this.limits.rate;
    place.tokens = Math.min(this.#burst, place.tokens + gained);
    place.at = now;
  }

  #find(key: string, now: number): Place {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    if (!this.#hasRoom(now)) return this.#crowd;
    const place = this.#place(key, now);
    this.#places.set(key, place);
    return place;
  }

  #hasRoom(now: number): boolean {
    const { addresses = MAX_ADDRESSES } = this.limits;
    if (this.#places.size < addresses) return true;
    if (now < this.#noRoomUntil) return false;
    this.sweep(now);
    for (const { key, count, tokens } of this.#places.values()) {
      if (this.#places.size <= addresses * (1 - ROOM)) return true;
      if (count <= 0 && tokens >= 1) this.#places.delete(key);
    }
    if (this.#places.size < addresses) return true;
    this.#noRoomUntil = now + NO_ROOM_MS;
    return false;
  }
}
