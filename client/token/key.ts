/**
 * The private key that signs visitor tokens, as a JWK (RFC 8037): `~/.arp-client/visitor-key.json`, or
 * what `--visitor-key-file` names. Only what makes tokens reads the former; a running `arpc` knows no
 * more than the public half.
 *
 * @module
 */

import { join } from "@std/path";
import { reason } from "@agentx/common";
import { UsageError } from "@agentx/common/cli";

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

/** Where a key is written before it takes the place of another. */
export function draftOf(path: string): string {
  return `${path}.new`;
}

/**
 * The key in a file; made if there is none. The caller holds the lock of the ledger.
 *
 * @throws {Error} that names the file when it holds something else, or cannot be made.
 */
export async function signingKey(path: string): Promise<SigningKey> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return await newSigningKey(path);
    throw new Error(`Cannot read the key ${path}: ${reason(error)}`, { cause: error });
  }
  const { x, d } = parse(text) ?? {};
  if (x !== undefined && d !== undefined) return { kty: "OKP", crv: "Ed25519", x, d };
  throw new Error(
    x === undefined
      ? `${path}: expected an Ed25519 key as JWK, found something else; ` +
        "take the file away, and a new key is made"
      : `${path}: expected a private key, found the public half, which signs nothing`,
  );
}

/**
 * The public half of the key in a file, which may hold no more than that.
 *
 * @throws {UsageError} when it cannot be read, or is none.
 */
export function publicKey(path: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const make = error instanceof Deno.errors.NotFound
      ? "; arpc token create --visitor-key-file makes one"
      : "";
    throw new UsageError(`--visitor-key-file: cannot read ${path}: ${reason(error)}${make}`);
  }
  const found = parse(text);
  if (found !== undefined) return found.x;
  throw new UsageError(`--visitor-key-file: expected an Ed25519 key as JWK in ${path}`);
}

/** An error of its own would quote the key. */
function parse(text: string): { x: string; d: string | undefined } | undefined {
  try {
    const { kty, crv, x, d } = JSON.parse(text);
    if (kty !== "OKP" || crv !== "Ed25519" || !KEY.test(x)) return undefined;
    return d === undefined ? { x, d } : KEY.test(d) ? { x, d } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes a key in the place of the last one, whose tokens are then good no more.
 *
 * @throws {Error} that names the file when it cannot be written.
 */
export async function newSigningKey(path: string): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const { x, d } = await crypto.subtle.exportKey("jwk", (pair as CryptoKeyPair).privateKey);
  const key: SigningKey = { kty: "OKP", crv: "Ed25519", x: x!, d: d! };
  // A reader sees the old file or the new one, never half of one.
  const draft = draftOf(path);
  try {
    await Deno.remove(draft).catch(() => {});
    await Deno.writeTextFile(draft, JSON.stringify(key) + "\n", { mode: 0o600, createNew: true });
    await Deno.rename(draft, path);
  } catch (error) {
    throw new Error(`Cannot make the key ${path}: ${reason(error)}`, { cause: error });
  }
  return key;
}
