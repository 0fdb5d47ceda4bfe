/**
 * Why a server was not trusted, and what to do about it.
 *
 * @module
 */

import { reason } from "@agentx/common";
import {
  type CertificateFacts,
  describeCertificate,
  namesOf,
} from "@agentx/common/tls/certificate";
import { X509Certificate } from "node:crypto";
import type { Trust } from "./options.ts";
import { UntrustedError } from "./untrusted.ts";

const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";
/** What Node calls a certificate that does not hold. */
const DISTRUST =
  /^(?:ERR_SSL_)?(?:UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|CERT_|INVALID_|ERR_TLS_CERT_|HOSTNAME_)/;

/** Whether it is the certificate that was refused. */
export function isDistrust(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && DISTRUST.test(code);
}

/** Whether the error itself has what there is to know of the certificate. */
export function namesCertificate(error: unknown): boolean {
  return (error as { code?: unknown }).code === WRONG_NAME;
}

/** Names found at most; a large site has hundreds. */
const MOST_NAMES = 10;

/**
 * An error that says what is wrong with a certificate.
 *
 * @param der of the server's; undefined if it could not be had.
 */
export function explain(error: unknown, der: Uint8Array | undefined, trust: Trust): UntrustedError {
  const facts = der === undefined ? undefined : describe(der);
  const why = namesCertificate(error)
    ? wrongName(error as NameError, facts)
    : outOfTime(facts) ?? unknownAuthority(error, facts, trust);
  return new UntrustedError(why, { cause: error });
}

interface NameError {
  host?: string;
  cert?: { subjectaltname?: string };
}

function wrongName({ host, cert }: NameError, facts: CertificateFacts | undefined): string {
  const all = namesOf(cert?.subjectaltname) ?? facts?.names ?? [];
  const names = all.slice(0, MOST_NAMES).join(", ") + (all.length > MOST_NAMES ? ", …" : "");
  return `the server's certificate is for ${names || "no name"}, not for ${host}; ` +
    "--tls-server-name takes one of those for the right one";
}

function outOfTime(facts: CertificateFacts | undefined, now = Date.now()): string | undefined {
  if (facts === undefined) return undefined;
  const { notBefore, notAfter } = facts;
  if (+notAfter < now) {
    return `the server's certificate has expired on ${notAfter.toISOString()}`;
  }
  if (+notBefore <= now) return undefined;
  return `the server's certificate is not valid before ${notBefore.toISOString()}: ` +
    "is the clock of this machine right?";
}

function unknownAuthority(
  error: unknown,
  facts: CertificateFacts | undefined,
  { ca }: Trust,
): string {
  const by = facts === undefined ? reason(error) : `it was issued by "${facts.issuer}"`;
  const who = ca === undefined
    ? "nobody whom this machine trusts vouches for the server's certificate"
    : `--tls-ca ${ca.file} does not vouch for the server's certificate`;
  const print = facts === undefined ? "" : ` (it is now ${facts.fingerprint}: compare that there)`;
  return `${who}: ${by}; use --tls-ca with a copy of its certificate or of its authority's, or ` +
    `--tls-fingerprint as arps logs it at its start${print}`;
}

function describe(der: Uint8Array): CertificateFacts | undefined {
  try {
    return describeCertificate(new X509Certificate(der));
  } catch {
    return undefined;
  }
}
