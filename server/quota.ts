/**
 * What a client id uses up, whichever of its registrations uses it: to register anew gives nobody
 * more.
 *
 * @module
 */

import { Throttle } from "./throttle.ts";

/** Of one client id. */
export interface Quota {
  /** Visitors being served, those of earlier registrations included. */
  visitors: number;
  /** Of the bytes of its visitors; undefined without a limit. */
  readonly throttle: Throttle | undefined;
}

/** The quota of each client id that is online or left something behind. */
export class Quotas {
  #byId = new Map<string, Quota>();

  /** @param rateLimit bytes a second of one client, 0 for no limit. */
  constructor(private readonly rateLimit: number) {}

  /** How many are kept. */
  get size(): number {
    return this.#byId.size;
  }

  /** The one of an id. */
  of(id: string): Quota {
    let quota = this.#byId.get(id);
    if (quota === undefined) {
      const throttle = this.rateLimit > 0 ? new Throttle(this.rateLimit) : undefined;
      quota = { visitors: 0, throttle };
      this.#byId.set(id, quota);
    }
    return quota;
  }

  /** Every second or so: forgets those that are as good as new, unless their client is online. */
  expire(isOnline: (id: string) => boolean): void {
    for (const [id, { visitors, throttle }] of this.#byId) {
      if (visitors <= 0 && throttle?.rested !== false && !isOnline(id)) this.#byId.delete(id);
    }
  }
}
