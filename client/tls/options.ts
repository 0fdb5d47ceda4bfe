/**
 * Options that say how a server proves who it is.
 *
 * @module
 */

import { text, toggle, UsageError, type Values } from "@agentx/common/cli";

const TLS = "TLS to the server";

/** The options by flag. */
export const TLS_OPTIONS = {
  "tls": toggle({
    about: "speak TLS to the server; its certificate is verified",
    group: TLS,
    default: false,
  }),
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
  "tls-fingerprint": text({
    about: "SHA-256 of the server's certificate, as `arps cert` prints it: trust that one alone, " +
      "whatever name or authority it has",
    arg: "<hex>",
    group: TLS,
    pattern: /^(?:sha256:)?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/i,
    expects: "64 hexadecimal digits, colons between pairs or not",
  }),
};

/** How a server is known to be the right one. */
export interface TlsChoice {
  /** File of certificates to trust, PEM; undefined for those that the system trusts. */
  ca: string | undefined;
  serverName: string | undefined;
  /** SHA-256 of the certificate, 64 lower-case hexadecimal digits. */
  fingerprint: string | undefined;
}

/**
 * What the options come to; undefined is without TLS.
 *
 * @throws {UsageError} when something of TLS is asked for, but not TLS.
 */
export function tlsChoice(values: Values<typeof TLS_OPTIONS>): TlsChoice | undefined {
  const { tls, "tls-ca": ca, "tls-server-name": serverName, "tls-fingerprint": print } = values;
  if (!tls) {
    const given = (["tls-ca", "tls-server-name", "tls-fingerprint"] as const)
      .find((key) => values[key] !== undefined);
    if (given === undefined) return undefined;
    throw new UsageError(`--${given}: expected --tls as well, found none`);
  }
  const fingerprint = (print as string | undefined)?.replace(/^sha256:/i, "").replaceAll(":", "")
    .toLowerCase();
  return { ca, serverName, fingerprint };
}
