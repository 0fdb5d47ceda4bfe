/**
 * The client that signs visitor tokens, as it registered them: its key, and what it took back.
 *
 * @module
 */

import { audienceOf, keyIdOf } from "@agentx/common/visitor-token";
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
  #full = false;
  #key: Promise<VerifyKey> | undefined;

  constructor(readonly id: string, readonly publicKey: string) {}

  /** Takes tokens back. */
  revoke(ids: readonly string[]): void {
    for (const id of ids) {
      if (!JTI.test(id)) continue;
      if (this.#revoked.size < MAX_REVOKED) this.#revoked.add(id);
      // What cannot be kept must not be let in.
      else this.#full = true;
    }
  }

  /** Whether a token was taken back, or nobody can tell any more. */
  revoked(jti: string): boolean {
    return this.#full || this.#revoked.has(jti);
  }

  /** The key as what checks signatures wants it. */
  key(read: (publicKey: string) => Promise<VerifyKey>): Promise<VerifyKey> {
    return this.#key ??= read(this.publicKey);
  }
}

/** Where a token's `aud` leads. */
export interface Audience {
  issuer: Issuer;
  /** `kid` of the issuer's key. */
  kid: string;
  /** The id or alias. */
  name: string;
  client: Client;
}

/** Every name of a client with its `aud`. */
export async function audiencesOf(
  issuer: Issuer,
  client: Client,
): Promise<[aud: string, audience: Audience][]> {
  const kid = await keyIdOf(issuer.publicKey);
  return await Promise.all(
    client.tokens.map(async (name) =>
      [await audienceOf(name), { issuer, kid, name, client }] as [string, Audience]
    ),
  );
}
