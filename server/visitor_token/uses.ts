/**
 * How often tokens were used that are good for so many visits, and the mark of a visit that was
 * counted. Both end with the process: after a restart counting begins anew.
 *
 * @module
 */

import type { Secret } from "@agentx/common/secret";

/** Most tokens counted for one client. */
const MAX_COUNTED = 10_000;

/** The counters of one client's tokens. */
export class Uses {
  #spent = new Map<string, { count: number; exp: number }>();
  /** Nobody knows how often tokens were used that were made up to then, in seconds. */
  #unknown = -Infinity;

  /** Tokens that are counted. */
  get size(): number {
    return this.#spent.size;
  }

  /**
   * Spends one of `uses` of a token made at `iat`; false when there is none left, nobody knows, or
   * there is no room to keep count.
   */
  spend(jti: string, uses: number, exp: number, iat: number): boolean {
    if (iat <= this.#unknown) return false;
    const spent = this.#spent.get(jti);
    if (spent !== undefined) return spent.count < uses && ++spent.count > 0;
    if (this.#spent.size >= MAX_COUNTED) return false;
    this.#spent.set(jti, { count: 1, exp });
    return true;
  }

  /** Forgets them all: tokens that were made until now are good for no further visit. */
  forget(seconds: number): void {
    if (this.#spent.size === 0) return;
    this.#spent.clear();
    this.#unknown = seconds;
  }

  /** Forgets those that have expired anyway. */
  sweep(seconds: number): void {
    for (const [jti, { exp }] of this.#spent) if (exp <= seconds) this.#spent.delete(jti);
  }
}

/** Stands between a token and its mark in a cookie; part of neither. */
const BETWEEN = "~";

/** What stands for a visit that was counted; all of one token have the same. */
export interface Mark {
  readonly cookie: string;
  /** The cookie, to compare others with. */
  readonly secret: Secret;
}

/** Marks cookies of visits that were counted, by a key that nobody else has. */
export class Marks {
  #key: Promise<CryptoKey> | undefined;

  /** The mark of a token. */
  async mark(token: string): Promise<Mark> {
    const { Secret } = await import("@agentx/common/secret");
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", await this.#hmac(), bytes(token)));
    const cookie = token + BETWEEN + mac.toBase64({ alphabet: "base64url", omitPadding: true });
    return { cookie, secret: new Secret(cookie) };
  }

  #hmac(): Promise<CryptoKey> {
    return this.#key ??= crypto.subtle.generateKey(
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
  }
}

/** A token without the mark that it may have. */
export function withoutMark(text: string): string {
  const at = text.indexOf(BETWEEN);
  return at < 0 ? text : text.slice(0, at);
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
