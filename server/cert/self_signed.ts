/**
 * A certificate that signs itself.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc5280#section-4.2 | RFC 5280 §4.2: Certificate Extensions}
 * @module
 */

// The library below looks for it.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { isIP } from "node:net";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks of clients may be behind. */
const EARLIER_MS = 60 * 60 * 1000;
/** Of the modern ones the curve that everybody has. */
const KEYS = { name: "ECDSA", namedCurve: "P-256" } as const;
/** A common name has no more letters. */
const MAX_COMMON_NAME = 64;

/** Both as PEM. */
export interface SelfSigned {
  cert: string;
  key: string;
}

/**
 * Makes one with a new key, for servers alone.
 *
 * @param names host names and IP addresses, at least one.
 */
export async function selfSigned(
  names: readonly string[],
  days: number,
  now: number = Date.now(),
): Promise<SelfSigned> {
  const keys = await crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName(names)] }],
    notBefore: new Date(now - EARLIER_MS),
    notAfter: new Date(now + days * DAY_MS),
    signingAlgorithm: { ...KEYS, hash: "SHA-256" },
    keys,
    extensions: [
      // Some programs take no certificate of an authority for one of a server.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" as const : "ip" as const, value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const secret = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(secret, "PRIVATE KEY")}\n`,
  };
}

function commonName(names: readonly string[]): string {
  const [first = "arps"] = names;
  return first.length <= MAX_COMMON_NAME ? first : "arps";
}

/** 127 random bits: positive, and never used before. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0]! &= 0x7f;
  bytes[0]! |= 0x40;
  return bytes.toHex();
}
