/**
 * Trust in one certificate, by its SHA-256.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** The server has another certificate than the one that was pinned. */
export class PinError extends Error {
  override name = "PinError";
}

/**
 * Compares the certificate that a handshake showed with the pinned one.
 *
 * @param expected 64 lower-case hexadecimal digits.
 * @throws {PinError} that has both.
 */
export function checkPin(der: Uint8Array | undefined, expected: string): void {
  if (der === undefined) throw new PinError("the server showed no certificate");
  const digest = createHash("sha256").update(der).digest();
  if (!timingSafeEqual(digest, Uint8Array.fromHex(expected))) {
    throw new PinError(
      `the server's certificate is another one: expected --tls-fingerprint ${pairs(expected)}, ` +
        `found ${pairs(digest.toString("hex"))}`,
    );
  }
  // Of older ones the runtime does not check whether the server has the key, only that of its
  // authority: anybody could show a copy.
  if (!isVersion3(der)) {
    throw new PinError("the server's certificate is no X.509 version 3: it cannot be pinned");
  }
}

/** As openssl writes it. */
export function pairs(hex: string): string {
  return (hex.toUpperCase().match(/../g) ?? []).join(":");
}

/** Whether `Certificate > TBSCertificate > [0] version` is there and 2, RFC 5280 §4.1. */
export function isVersion3(der: Uint8Array): boolean {
  let at = 0;
  for (let depth = 0; depth < 2; depth++) {
    if (der[at] !== 0x30) return false;
    const length = der[at + 1] ?? 0;
    at += 2 + (length < 0x80 ? 0 : length & 0x7f);
  }
  return [0xa0, 3, 2, 1, 2].every((byte, i) => der[at + i] === byte);
}
