/**
 * Visitor tokens for tests of the server, as a client would sign them.
 *
 * @module
 */

import { audienceOf, keyIdOf } from "@agentx/common/visitor-token";
import { SignJWT } from "jose";

/** A client's key, and what it signs. */
export class Signer {
  private constructor(private readonly pair: CryptoKeyPair, readonly key: string) {}

  /** A new key. */
  static async make(): Promise<Signer> {
    const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    const raw = await crypto.subtle.exportKey("raw", (pair as CryptoKeyPair).publicKey);
    const key = new Uint8Array(raw).toBase64({ alphabet: "base64url", omitPadding: true });
    return new Signer(pair as CryptoKeyPair, key);
  }

  /** A token from 0 s to 1000 s after 1970, unless the claims say otherwise. */
  async sign(client: string, claims: Record<string, unknown> = {}): Promise<string> {
    const all = { aud: await audienceOf(client), jti: crypto.randomUUID(), iat: 0, exp: 1000 };
    return await new SignJWT({ ...all, ...claims })
      .setProtectedHeader({ alg: "EdDSA", typ: "arp+jwt", kid: await keyIdOf(this.key) })
      .sign(this.pair.privateKey);
  }
}
