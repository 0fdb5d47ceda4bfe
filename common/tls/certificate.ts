/**
 * What a certificate says, for those who have to decide whether it is the right one.
 *
 * @module
 */

import { createHash, X509Certificate } from "node:crypto";

/** The part of a certificate that people ask for. */
export interface CertificateFacts {
  /** Host names and addresses it is for. */
  names: readonly string[];
  /** Who signed it. */
  issuer: string;
  notBefore: Date;
  notAfter: Date;
  /** SHA-256 of the whole, in hexadecimal pairs with colons between them, as openssl writes it. */
  fingerprint: string;
  /**
   * SHA-256 of its public key, as curl's `--pinnedpubkey` takes it. A certificate that is renewed with
   * its key has the same.
   */
  keyPin: string;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM file, in its order.
 *
 * @throws {TypeError} that says what is wrong when there is none, or one cannot be read.
 */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new TypeError("expected a certificate, PEM, found none");
  return blocks.map((block, at) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      const which = blocks.length === 1 ? "the certificate" : `certificate ${at + 1} of it`;
      throw new TypeError(`${which} is damaged`, { cause });
    }
  });
}

/** What it says. */
export function describeCertificate(certificate: X509Certificate): CertificateFacts {
  const { subjectAltName, subject, issuer, validFrom, validTo, fingerprint256 } = certificate;
  return {
    names: namesOf(subjectAltName) ?? [commonName(subject) ?? subject],
    issuer: commonName(issuer) ?? issuer,
    notBefore: new Date(validFrom),
    notAfter: new Date(validTo),
    fingerprint: fingerprint256,
    keyPin: keyPin(publicKeyDigest(certificate.raw)),
  };
}

/** A SHA-256 of a public key as text: `sha256//` and base64. */
export function keyPin(digest: Uint8Array): string {
  return `sha256//${digest.toBase64()}`;
}

/** SHA-256 of a certificate, or of a part of one. */
export function sha256(der: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(der).digest());
}

/**
 * SHA-256 of the `SubjectPublicKeyInfo`, RFC 7469 §2.4: its bytes as they stand in the certificate.
 *
 * @throws {TypeError} when it is no certificate of X.509 version 3.
 */
export function publicKeyDigest(der: Uint8Array): Uint8Array {
  const fields = elements(elements(der)[0]?.body).slice(0, 1)
    .flatMap(({ body }) => elements(body));
  const [version] = fields;
  // Version, serial number, algorithm, issuer, validity and subject stand before it, RFC 5280 §4.1.
  const key = fields[6];
  if (version?.whole.toHex() !== "a003020102" || key === undefined) {
    throw new TypeError("expected a certificate of X.509 version 3, found something else");
  }
  return sha256(key.whole);
}

/** An element of DER. */
interface Element {
  whole: Uint8Array;
  body: Uint8Array;
}

/** The elements in a row; up to the first that is damaged. */
function elements(der: Uint8Array = new Uint8Array(0)): Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= der.length;) {
    let length = der[at + 1]!;
    let start = at + 2;
    if (length >= 0x80) {
      const bytes = der.subarray(start, start += length & 0x7f);
      length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    }
    const end = start + length;
    if (end > der.length) break;
    found.push({ whole: der.subarray(at, end), body: der.subarray(start, end) });
    at = end;
  }
  return found;
}

/** The names in what Node makes of a `subjectAltName`. */
export function namesOf(subjectAltName: string | undefined): string[] | undefined {
  return subjectAltName?.split(", ").map((name) =>
    name.replace(/^(?:DNS|IP Address|[A-Za-z]+):/, "")
  );
}

function commonName(name: string): string | undefined {
  return /^CN=(.+)$/m.exec(name)?.[1];
}
