/**
 * Slow hashes of tokens: scrypt (RFC 7914), written in the PHC string format, as passlib and others
 * write it too: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, both in base64 without padding.
 *
 * @see {@link https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md}
 * @module
 */

import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** A hash, taken apart. */
export interface SlowHash {
  /** As it is written. */
  readonly text: string;
  /** Cost: 2 to the power of `ln` rounds over blocks of `r`, `p` times. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Of new hashes: 32 MiB and some 75 ms. Tokens made by `arps auth hash` need no slower one. */
const COST = { ln: 15, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Memory that one hash may take: a file must not be able to make the server run out of it. */
const MAX_MEMORY = 128 * 2 ** 20;
/** Rounds times blocks; less is no slow hash, more holds up a registration for seconds. */
const [MIN_WORK, MAX_WORK] = [2 ** 17, 2 ** 22];

const FORM =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Reads a hash; undefined for anything else, and for one that is too quick or too slow to check. */
export function parseHash(text: string): SlowHash | undefined {
  const found = FORM.exec(text);
  if (found === null) return undefined;
  const [ln, r, p] = found.slice(1, 4).map(Number) as [number, number, number];
  const work = 2 ** ln * r * p;
  if (work < MIN_WORK || work > MAX_WORK || memory({ ln, r, p }) > MAX_MEMORY) return undefined;
  const [salt, hash] = [Buffer.from(found[4]!, "base64"), Buffer.from(found[5]!, "base64")];
  return { text, ln, r, p, salt, hash };
}

/** The hash of a token, with a salt of its own. */
export async function hashToken(token: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(token, { ...COST, salt }, HASH_BYTES);
  const { ln, r, p } = COST;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/** Whether it is the hash of that token. Runs on another thread, and in constant time. */
export async function hashMatches(hash: SlowHash, token: string): Promise<boolean> {
  return timingSafeEqual(await derive(token, hash, hash.hash.length), hash.hash);
}

type Cost = Pick<SlowHash, "ln" | "r" | "p">;

function memory({ ln, r, p }: Cost): number {
  return 128 * r * (2 ** ln + p + 2);
}

function derive(
  token: string,
  cost: Cost & Pick<SlowHash, "salt">,
  bytes: number,
): Promise<Uint8Array> {
  const { ln, r, p, salt } = cost;
  const options = { N: 2 ** ln, r, p, maxmem: 2 * memory(cost) };
  return new Promise((resolve, reject) => {
    scrypt(token, salt, bytes, options, (error, key) => error ? reject(error) : resolve(key));
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
