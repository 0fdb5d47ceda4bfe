/**
 * Secrets that are shown to us: keys, tokens, halves of sessions.
 *
 * Not part of the main module: what it needs takes some time to load, and few need it.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** A secret that what is given can be compared with; it is not kept itself. */
export class Secret {
  readonly #digest: Uint8Array;

  constructor(text: string) {
    this.#digest = digest(text);
  }

  /**
   * Whether this is the secret. Digests have one length, so the time tells nothing of the secret, nor
   * of its length.
   */
  is(given: string): boolean {
    return timingSafeEqual(digest(given), this.#digest);
  }
}

/** A name for a secret, to look up what belongs to it; the time of that tells nothing of it either. */
export function nameOf(secret: string): string {
  return digest(secret).toHex();
}

/** A secret that nobody can guess: 256 bits in base64url. */
export function randomSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The token of an `Authorization` header, if it is one of RFC 6750. */
export function bearerOf(header: string | null): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(header ?? "")?.[1];
}

function digest(text: string): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(text).digest());
}
