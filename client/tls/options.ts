/**
 * Options that say how a server proves who it is. There is none that lets it off.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { list, text, toggle, UsageError, type Values } from "@agentx/common/cli";

const TLS = "TLS to the server";

/** What to trust; for all programs that speak TLS to a server. */
export const TRUST_OPTIONS = {
  "tls-ca": text({
    about: "trust this certificate, or these authorities, and no others; PEM",
    arg: "<file>",
    group: TLS,
  }),
  "tls-server-name": text({
    about: "name in the server's certificate, if it is not the one dialled",
    arg: "<name>",
    group: TLS,
    pattern: /^[A-Za-z0-9.:-]+$/,
    expects: "a host name or IP address",
  }),
  "tls-fingerprint": list({
    about: "SHA-256 of the server's certificate, or of its public key, as arps cert prints them: " +
      "trust those alone, whatever name, authority or age it has; repeatable, any will do",
    arg: "<sha256>",
    group: TLS,
    pattern:
      /^(?:(?:[sS][hH][aA]256:)?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}|sha256\/\/[A-Za-z0-9+/]{43}=)$/,
    expects: "64 hexadecimal digits, colons between pairs or not; or sha256// and base64 of a key",
  }),
};

/** The options by flag. */
export const TLS_OPTIONS = {
  "tls": toggle({
    about: "speak TLS to the server; its certificate is verified",
    group: TLS,
    default: false,
  }),
  ...TRUST_OPTIONS,
  "tls-control": toggle({
    about: "with --tls, TLS on its control port (see arps --no-tls-control)",
    group: TLS,
    default: true,
  }),
  "tls-proxy": toggle({
    about: "with --tls, TLS on its proxy port (see arps --no-tls-proxy)",
    group: TLS,
    default: true,
  }),
};

/** Whom to take for the server; by default whoever has a certificate in the name that was dialled. */
export interface Trust {
  /** Certificates to trust instead of those that the system trusts, and the file they are from. */
  ca?: { pem: string; file: string } | undefined;
  /** Name in the certificate, if it is not the one dialled. */
  serverName?: string | undefined;
  /** The server has one of these, where there are any. */
  pins?: readonly Pin[] | undefined;
}

/** What is trusted alone. */
export interface Pin {
  /** The key outlives its certificate. */
  of: "certificate" | "key";
  /** SHA-256 of it. */
  digest: Uint8Array;
}

/** TLS to a server. */
export interface TlsChoice {
  trust: Trust;
  /** Whether it is spoken on these ports. */
  control: boolean;
  proxy: boolean;
}

/**
 * What the options come to; undefined is without TLS. Reads the file of `--tls-ca`: later there may
 * be no permission to.
 *
 * @throws {UsageError} when something of TLS is asked for, but not TLS; or the file cannot be read.
 */
export function tlsChoice(values: Values<typeof TLS_OPTIONS>): TlsChoice | undefined {
  if (values.tls) {
    return {
      trust: readTrust(values),
      control: values["tls-control"],
      proxy: values["tls-proxy"],
    };
  }
  requireTls(values, "--tls as well");
  return undefined;
}

/**
 * Refuses options that would do nothing.
 *
 * @param what would be needed for them.
 * @throws {UsageError} that names the first of them.
 */
export function requireTls(values: Values<typeof TRUST_OPTIONS>, what: string): void {
  const given = (["tls-ca", "tls-server-name", "tls-fingerprint"] as const)
    .find((key) => values[key] !== undefined && values[key].length > 0);
  if (given !== undefined) throw new UsageError(`--${given}: expected ${what}, found none`);
}

/**
 * Whom to trust.
 *
 * @throws {UsageError} that names the file when it cannot be read.
 */
export function readTrust(values: Values<typeof TRUST_OPTIONS>): Trust {
  const { "tls-ca": file, "tls-server-name": serverName, "tls-fingerprint": pins } = values;
  return {
    ca: file === undefined ? undefined : { file, pem: readCa(file) },
    serverName,
    ...(pins.length > 0 ? { pins: pins.map(readPin) } : {}),
  };
}

function readPin(text: string): Pin {
  const [, key] = /^sha256\/\/(.*)$/.exec(text) ?? [];
  if (key !== undefined) return { of: "key", digest: Uint8Array.fromBase64(key) };
  const hex = text.replace(/^sha256:/i, "").replaceAll(":", "");
  return { of: "certificate", digest: Uint8Array.fromHex(hex) };
}

function readCa(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new UsageError(`--tls-ca ${file}: cannot be read: ${reason(cause)}`, { cause });
  }
}
