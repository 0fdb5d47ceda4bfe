/**
 * What `arpc` makes of its options.
 *
 * @module
 */

import { mistakesOf, UsageError, usageError, type Values } from "@agentx/common/cli";
import type { OPTIONS } from "./options.ts";
import { requireTls, type TlsChoice, tlsChoice } from "./tls/options.ts";

export { VERSION } from "./version.ts";

/** What the client needs to know; times in milliseconds. */
export interface ClientConfig {
  clientId: string;
  aliases: readonly string[];
  serverAddr: string;
  controlPort: number;
  proxyPort: number;
  localAddr: string;
  localPort: number;
  remotePort: number | undefined;
  /** What the service speaks first, or `"none"`; undefined to find out. */
  service: string | undefined;
  dbUser: string | undefined;
  authToken: string | undefined;
  requireVisitorToken: boolean;
  /** How the server proves who it is; undefined is without TLS. */
  tls: TlsChoice | undefined;
  autoReconnect: boolean;
  reconnectMax: number;
  grace: number;
}

/**
 * The port of the service to expose, the one option without a default. In command mode it is the
 * port to serve on, 0 for any.
 *
 * @throws {UsageError} when it is missing.
 */
export function localPort(values: Values<typeof OPTIONS>): number {
  const port = values["local-port"];
  if (values["command-mode"]) return port ?? 0;
  if (port !== undefined && port !== 0) return port;
  throw new UsageError(
    "--local-port: expected the port of the service to expose, found none\n" +
      "For example: arpc --client-id my-app --server-addr your-server.com --local-port 3000\n" +
      "To steer AI coding CLIs from elsewhere, there is --command-mode.",
  );
}

/** What is wrong with options that are good one by one, all of it but a port that is missing. */
export function contradictions(values: Values<typeof OPTIONS>): string[] {
  return [
    ...(values["require-visitor-token"] && values["remote-port"] !== undefined
      ? [
        "--remote-port and --require-visitor-token: expected one of the two, found both: " +
        "visitors of a port cannot show a token",
      ]
      : []),
    ...(values.tls ? [] : mistakesOf(() => requireTls(values, "--tls as well"))),
  ];
}

/**
 * The configuration that the options describe.
 *
 * @param fallbackId the id for a client that was given none.
 * @throws {UsageError} when `--local-port` is missing.
 */
export function clientConfig(
  values: Values<typeof OPTIONS>,
  fallbackId: () => string,
): ClientConfig {
  const wrong = contradictions(values);
  if (wrong.length > 0) throw usageError(wrong);
  return {
    clientId: values["client-id"] ?? fallbackId(),
    aliases: values.alias,
    serverAddr: values["server-addr"],
    controlPort: values["control-port"],
    proxyPort: values["proxy-port"],
    localAddr: values["local-addr"],
    localPort: localPort(values),
    remotePort: values["remote-port"],
    service: values.service,
    dbUser: values["db-user"],
    authToken: values["auth-token"],
    requireVisitorToken: values["require-visitor-token"],
    tls: tlsChoice(values),
    autoReconnect: values["auto-reconnect"],
    reconnectMax: values["reconnect-interval"] * 1000,
    grace: values.grace * 1000,
  };
}
