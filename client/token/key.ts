/**
 * `~/.arp-client/visitor-key.json`: the private key that signs visitor tokens, as a JWK (RFC 8037).
 * Only what makes tokens reads it; a running `arpc` knows no more than the public half.
 *
 * @module
 */

import { join } from "@std/path";
import { reason } from "@agentx/common";

/** An Ed25519 key; `x` is the public half. */
export interface SigningKey {
  kty: "OKP";
  crv: "Ed25519";
  x: string;
  d: string;
}

const KEY = /^[\w-]{43}$/;

/** The file in the folder of the client's state. */
export function keyFile(folder: string): string {
  return join(folder, "visitor-key.json");
}

/**
 * The key of a state folder; made if there is none. The caller holds the lock of the ledger.
 *
 * @throws {Error} that names the file when it holds something else.
 */
export async function signingKey(folder: string): Promise<SigningKey> {
  const path = keyFile(folder);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return await newSigningKey(folder);
    throw new Error(`Cannot read the key ${path}: ${reason(error)}`, { cause: error });
  }
  try {
    const { kty, crv, x, d } = JSON.parse(text);
    if (kty === "OKP" && crv === "Ed25519" && KEY.test(x) && KEY.test(d)) return { kty, crv, x, d };
  } catch { /* told below; the error would quote the key */ }
  throw new Error(
    `${path}: expected an Ed25519 key as JWK, found something else; ` +
      "take the file away, and a new key is made",
  );
}

/** Makes a key in the place of the last one, whose tokens are then good no more. */
export async function newSigningKey(folder: string): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { x, d } = await crypto.subtle.exportKey("jwk", (pair as CryptoKeyPair).privateKey);
  const key: SigningKey = { kty: "OKP", crv: "Ed25519", x: x!, d: d! };
  const path = keyFile(folder);
  // A reader sees the old file or the new one, never half of one.
  const draft = `${path}.${Deno.pid}`;
  await Deno.writeTextFile(draft, JSON.stringify(key) + "\n", { mode: 0o600 });
  await Deno.rename(draft, path);
  return key;
}
