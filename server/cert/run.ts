/**
 * `arps cert`: makes a certificate, or says what is in one.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { print, UsageError } from "@agentx/common/cli";
import {
  type CertificateFacts,
  describeCertificate,
  readCertificates,
} from "@agentx/common/tls/certificate";
import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { writeNew } from "./files.ts";
import type { CertValues } from "./options.ts";

/** Where a server is tried first. */
const HERE = ["localhost", "127.0.0.1", "::1"];

/**
 * Does what the options ask for.
 *
 * @throws {UsageError} when they ask for nothing, or a file is of no use.
 */
export async function runCert(values: CertValues): Promise<void> {
  const { "self-signed": make, fingerprint, renew } = values;
  if (renew && (!make || values.force)) {
    throw new UsageError(
      "--renew: expected --self-signed as well, and no --force, which would make another key",
    );
  }
  if (make === (fingerprint !== undefined)) {
    throw new UsageError(
      `expected either --self-signed or --fingerprint, found ${make ? "both" : "neither"}\n` +
        "For example: arps cert --self-signed --name tunnel.example.com",
    );
  }
  const text = fingerprint === undefined
    ? await (renew ? renewCertificate(values) : makeCertificate(values))
    : describe(describeCertificate(await readFirst("--fingerprint", fingerprint)));
  print(text);
}

async function makeCertificate(values: CertValues): Promise<string> {
  const { name, days, "out-cert": certFile, "out-key": keyFile, force } = values;
  if (certFile === keyFile) {
    throw new UsageError(`--out-cert and --out-key: expected two files, found ${certFile} twice`);
  }
  const { selfSigned } = await import("./self_signed.ts");
  const names = name.length === 0 ? HERE : name;
  const { cert, key } = await selfSigned(names, days);
  await writeNew([
    { flag: "--out-key", path: keyFile, text: key, mode: 0o600 },
    { flag: "--out-cert", path: certFile, text: cert, mode: 0o644 },
  ], force);
  const facts = describeCertificate(readCertificates(cert)[0]!);
  const host = names.find((one) => !one.startsWith("*.")) ?? "HOST";
  return `Certificate  ${certFile}
Private key  ${keyFile}, for nobody but this server
${describe(facts)}
The server:  arps --tls-cert ${certFile} --tls-key ${keyFile}
A client:    arpc --tls --tls-fingerprint ${facts.keyPin} --server-addr ${host} --local-port 3000
`;
}

/** A server that runs finds the key as it was, and the certificate at once. */
async function renewCertificate(values: CertValues): Promise<string> {
  const { name, days, "out-cert": certFile, "out-key": keyFile } = values;
  const old = await readFirst("--out-cert", certFile);
  const key = await readKey(keyFile);
  if (!old.checkPrivateKey(key)) {
    throw new UsageError(
      `--out-key ${keyFile}: expected the key of ${certFile}, found another one`,
    );
  }
  const before = describeCertificate(old);
  if (old.issuer !== old.subject) {
    throw new UsageError(
      `--out-cert ${certFile}: expected a certificate that signs itself, found one that ` +
        `"${before.issuer}" issued: it is renewed there, and its key kept there as well`,
    );
  }
  const { certifyKey } = await import("./self_signed.ts");
  const cert = await certifyKey(key, name.length === 0 ? before.names : name, days).catch(
    (cause) => {
      throw new UsageError(`--out-key ${keyFile}: ${reason(cause)}`, { cause });
    },
  );
  const facts = describeCertificate(readCertificates(cert)[0]!);
  if (facts.keyPin !== before.keyPin) {
    throw new UsageError(`--out-key ${keyFile}: it is written in a form that would change its pin`);
  }
  await writeNew([{ flag: "--out-cert", path: certFile, text: cert, mode: 0o644 }], true);
  return `Certificate  ${certFile}, renewed; a server that runs takes it within seconds
Private key  ${keyFile}, the same
${describe(facts)}
Clients with --tls-fingerprint ${facts.keyPin} notice nothing.
Those with ${before.fingerprint} need one of the new two.
`;
}

function describe(
  { names, issuer, notBefore, notAfter, fingerprint, keyPin }: CertificateFacts,
): string {
  return `Names        ${names.join(", ")}
Issuer       ${issuer}
Valid        ${notBefore.toISOString()} to ${notAfter.toISOString()}
SHA-256      ${fingerprint}
Of its key   ${keyPin}
`;
}

async function readFirst(flag: string, file: string): Promise<X509Certificate> {
  try {
    return readCertificates(await Deno.readTextFile(file))[0]!;
  } catch (cause) {
    throw new UsageError(`${flag} ${file}: ${reason(cause)}`, { cause });
  }
}

async function readKey(file: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await Deno.readTextFile(file));
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? reason(cause)
      : "expected a private key, PEM";
    throw new UsageError(`--out-key ${file}: ${why}`, { cause });
  }
}
