/**
 * From what somebody may do to the token that lets them.
 *
 * @module
 */

import {
  audienceOf,
  keyIdOf,
  MAX_VISITOR_TOKEN_CHARS,
  VISITOR_TOKEN_ALGORITHMS,
  VISITOR_TOKEN_TYPE,
  type VisitorClaims,
} from "@agentx/common/visitor-token";
import { importJWK, SignJWT } from "jose";
import type { SigningKey } from "./key.ts";
import type { Issued } from "./ledger.ts";

/**
 * Signs a token.
 *
 * @throws {Error} when so many limits make it too long for what carries it.
 */
export async function sign(issued: Issued, key: SigningKey): Promise<string> {
  const { id, client, made, expires, path, method, ip, uses } = issued;
  const [alg] = VISITOR_TOKEN_ALGORITHMS;
  const claims: VisitorClaims = {
    aud: await audienceOf(client),
    jti: id,
    iat: made,
    exp: expires,
    ...(path === undefined ? {} : { path: [...path] }),
    ...(method === undefined ? {} : { method: [...method] }),
    ...(ip === undefined ? {} : { ip: [...ip] }),
    ...(uses === undefined ? {} : { uses }),
  };
  const token = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg, typ: VISITOR_TOKEN_TYPE, kid: await keyIdOf(key.x) })
    .sign(await importJWK({ ...key }, alg));
  if (token.length <= MAX_VISITOR_TOKEN_CHARS) return token;
  throw new Error(
    `Too many limits: expected a token of at most ${MAX_VISITOR_TOKEN_CHARS} characters, found ` +
      `${token.length}; make one for each`,
  );
}

/** An id that nobody guesses or has to quote. */
export function newId(): string {
  return crypto.getRandomValues(new Uint8Array(10)).toHex();
}
