/**
 * The client that signs visitor tokens, as it registered them: its key, and what it took back.
 *
 * @module
 */

import type { Client } from "../registry.ts";
import { Uses } from "./uses.ts";
import type { VerifyKey } from "./verify.ts";

/** Most tokens that a client can have taken back at a time. */
const MAX_REVOKED = 20_000;
const JTI = /^[\w-]{1,64}$/;

/** One key of one client; it outlives a registration. */
export class Issuer {
  readonly uses: Uses = new Uses();
  /** The registration by which its names are known. */
  client: Client | undefined;
  readonly #revoked = new Set<string>();
  #closed = false;
  #key: Promise<VerifyKey> | undefined;

  constructor(readonly id: string, readonly publicKey: string) {}

  /** Tokens that it took back and that are remembered. */
  get takenBack(): number {
    return this.#revoked.size;
  }

  /** Whether nobody can tell any more which tokens it took back. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes tokens back; with more than can be kept it closes.
   *
   * @returns whether any of them was good until now.
   */
  revoke(ids: readonly string[]): boolean {
    let news = false;
    for (const id of ids) {
      if (this.#closed) break;
      if (!JTI.test(id) || this.#revoked.has(id)) continue;
      news = true;
      this.#revoked.add(id);
      if (this.#revoked.size > MAX_REVOKED) this.close();
    }
    return news;
  }

  /** Forgets what was taken back. What cannot be told apart must not be let in, so nothing is. */
  close(): void {
    this.#revoked.clear();
    this.#closed = true;
  }

  /** Its client registered anew, and with that says again all that it took back. */
  open(): void {
    this.#closed = false;
  }

  /** Whether a token was taken back, or nobody can tell any more. */
  revoked(jti: string): boolean {
    return this.#closed || this.#revoked.has(jti);
  }

  /** The key as what checks signatures wants it. */
  key(read: (publicKey: string) => Promise<VerifyKey>): Promise<VerifyKey> {
    return this.#key ??= read(this.publicKey);
  }
}
