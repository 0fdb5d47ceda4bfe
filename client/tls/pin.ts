/**
 * Trust in a certificate or a key, by its SHA-256.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7469#section-2.4 | RFC 7469 §2.4: Semantics of Pins}
 * @module
 */

import { keyPin, publicKeyDigest, sha256 } from "@agentx/common/tls/certificate";
import { timingSafeEqual } from "node:crypto";
import type { Pin } from "./options.ts";
import { UntrustedError } from "./untrusted.ts";

/** The server has another certificate than those that were pinned. */
export class PinError extends UntrustedError {
  override name = "PinError";
}

/**
 * Compares the certificate that a handshake showed with the pinned ones; any of them will do.
 *
 * @throws {PinError} that has what was expected and what was found.
 */
export function checkPin(der: Uint8Array | undefined, pins: readonly Pin[]): void {
  if (der === undefined) throw new PinError("the server showed no certificate");
  const found = { certificate: sha256(der), key: keyOf(der) };
  if (pins.some(({ of, digest }) => timingSafeEqual(found[of], digest))) return;
  const expected = pins.map(formatPin).join(" or ");
  throw new PinError(
    `the server's certificate is another one: expected --tls-fingerprint ${expected}, found ` +
      `${formatPin({ of: "certificate", digest: found.certificate })}, its key ` +
      `${formatPin({ of: "key", digest: found.key })}; if it was renewed, pin that as well`,
  );
}

/** As openssl writes a certificate's, and curl a key's. */
export function formatPin({ of, digest }: Pin): string {
  if (of === "key") return keyPin(digest);
  return (digest.toHex().toUpperCase().match(/../g) ?? []).join(":");
}

/**
 * Of certificates older than version 3 the runtime does not check whether the server has the key, only
 * that of its authority: anybody could show a copy.
 */
function keyOf(der: Uint8Array): Uint8Array {
  try {
    return publicKeyDigest(der);
  } catch (cause) {
    const why = "the server's certificate is no X.509 version 3: it cannot be pinned";
    throw new PinError(why, { cause });
  }
}
