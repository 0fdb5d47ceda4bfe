/**
 * The signature of a visitor token. Loaded with the first token, and not before.
 *
 * @module
 */

import { compactVerify, type CryptoKey, errors, importJWK } from "jose";
import {
  parseClaims,
  VISITOR_TOKEN_ALGORITHMS,
  type VisitorClaims,
} from "@agentx/common/visitor-token";
import { type Limits, limitsOf } from "./limits.ts";

/** What stands in a token whose signature is good. */
export interface Verified {
  readonly claims: VisitorClaims;
  readonly limits: Limits;
}

/** A public key that tokens are checked by. */
export type VerifyKey = CryptoKey;

/** @param publicKey base64url of the 32 bytes of an Ed25519 key. */
export async function importKey(publicKey: string): Promise<VerifyKey> {
  const jwk = { kty: "OKP", crv: "Ed25519", x: publicKey };
  return await importJWK(jwk, VISITOR_TOKEN_ALGORITHMS[0]) as VerifyKey;
}

/** What the token says, if this key signed it and all of it can be understood. */
export async function verify(token: string, key: VerifyKey): Promise<Verified | undefined> {
  try {
    const { payload } = await compactVerify(token, key, {
      algorithms: [...VISITOR_TOKEN_ALGORITHMS],
    });
    const claims = parseClaims(JSON.parse(new TextDecoder().decode(payload)));
    const limits = claims && limitsOf(claims);
    return claims && limits && { claims, limits };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
