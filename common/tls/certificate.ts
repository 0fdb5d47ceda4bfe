/**
 * What a certificate says, for those who have to decide whether it is the right one.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";

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
  };
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
