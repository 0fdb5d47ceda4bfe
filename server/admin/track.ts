/**
 * What is remembered of a client from second to second.
 *
 * @module
 */

import type { Pool } from "../pool.ts";
import type { Client } from "../registry.ts";
import type { Account } from "../stats/account.ts";
import { History } from "./ring.ts";
import type { Rates } from "./rows.ts";

/** Seconds of rates that are remembered of the server, and of each client. */
export const SECONDS = 180;

/** What is remembered of a client. */
export class Track implements Rates {
  up = 0;
  down = 0;
  readonly ups = new History(SECONDS);
  readonly downs = new History(SECONDS);
  #seen = { up: 0, down: 0 };
  /** {@link Rates.stuckSince} */
  stuckSince = 0;
  #opened = 0;
  /** Its numbers when they were told last. */
  told = "";
  /** Its registration when it was told of last. */
  client: Client | undefined;

  /** @param fresh whether the bytes so far are news; those before the first look are not. */
  constructor(traffic: Rates, fresh: boolean) {
    if (!fresh) this.#seen = { ...traffic };
  }

  look(traffic: Rates, seconds: number): void {
    this.up = (traffic.up - this.#seen.up) / seconds;
    this.down = (traffic.down - this.#seen.down) / seconds;
    this.#seen = { up: traffic.up, down: traffic.down };
    this.ups.push(this.up);
    this.downs.push(this.down);
  }

  /** Looks whether tunnels come that are wanted. */
  lookAt({ opened, reused }: Account, pool: Pool | undefined): void {
    const fine = pool === undefined || pool.idle >= pool.target || opened + reused !== this.#opened;
    this.#opened = opened + reused;
    if (fine) this.stuckSince = 0;
    else this.stuckSince ||= Date.now();
  }
}
