/**
 * `arps cert`: makes a certificate, or says what is in one.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { UsageError } from "@agentx/common/cli";
import {
  type CertificateFacts,
  describeCertificate,
  readCertificates,
} from "@agentx/common/tls/certificate";
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
  const { "self-signed": make, fingerprint } = values;
  if (make === (fingerprint !== undefined)) {
    throw new UsageError(
      `expected either --self-signed or --fingerprint, found ${make ? "both" : "neither"}\n` +
        "For example: arps cert --self-signed --name tunnel.example.com",
    );
  }
  const text = fingerprint === undefined
    ? await makeCertificate(values)
    : describe(await readFacts(fingerprint));
  Deno.stdout.writeSync(new TextEncoder().encode(text));
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
A client:    arpc --tls --tls-fingerprint ${facts.fingerprint} --server-addr ${host} --local-port 3000
`;
}

function describe({ names, issuer, notBefore, notAfter, fingerprint }: CertificateFacts): string {
  return `Names        ${names.join(", ")}
Issuer       ${issuer}
Valid        ${notBefore.toISOString()} to ${notAfter.toISOString()}
SHA-256      ${fingerprint}
`;
}

async function readFacts(file: string): Promise<CertificateFacts> {
  try {
    return describeCertificate(readCertificates(await Deno.readTextFile(file))[0]!);
  } catch (cause) {
    throw new UsageError(`--fingerprint ${file}: ${reason(cause)}`, { cause });
  }
}
