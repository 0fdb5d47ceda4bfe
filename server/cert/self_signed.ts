/**
 * A certificate that signs itself.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc5280#section-4.2 | RFC 5280 §4.2: Certificate Extensions}
 * @module
 */

// The library below looks for it.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPublicKey, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks of clients may be behind. */
const EARLIER_MS = 60 * 60 * 1000;
/** Of the modern ones the curve that everybody has. */
const KEYS = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** What else a key that there is may be. */
const OTHERS = [
  { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  { name: "Ed25519" },
] as const;
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
  const secret = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: await certify(keys, KEYS, names, days, now),
    key: `${x509.PemConverter.encode(secret, "PRIVATE KEY")}\n`,
  };
}

/**
 * Makes one for a key that there is.
 *
 * @param names host names and IP addresses, at least one.
 * @returns it, as PEM.
 * @throws {TypeError} when the key is of a kind that nobody signs with here.
 */
export async function certifyKey(
  key: KeyObject,
  names: readonly string[],
  days: number,
  now: number = Date.now(),
): Promise<string> {
  const secret = Uint8Array.from(key.export({ type: "pkcs8", format: "der" }));
  const shown = Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
  for (const kind of [KEYS, ...OTHERS]) {
    try {
      const keys = {
        privateKey: await crypto.subtle.importKey("pkcs8", secret, kind, true, ["sign"]),
        publicKey: await crypto.subtle.importKey("spki", shown, kind, true, ["verify"]),
      };
      return await certify(keys, kind, names, days, now);
    } catch { /* another kind, then */ }
  }
  throw new TypeError("expected a key of ECDSA (P-256, P-384), RSA or Ed25519, found another kind");
}

async function certify(
  keys: CryptoKeyPair,
  signingAlgorithm: typeof KEYS | (typeof OTHERS)[number],
  names: readonly string[],
  days: number,
  now: number,
): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName(names)] }],
    notBefore: new Date(now - EARLIER_MS),
    notAfter: new Date(now + days * DAY_MS),
    signingAlgorithm,
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
  return `${certificate.toString("pem")}\n`;
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
