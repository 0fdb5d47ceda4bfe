/**
 * Options of `arpc`: one table, and what the client makes of it.
 *
 * @module
 */

import { CLIENT_ID } from "@agentx/common";
import {
  list,
  port,
  RUNNING,
  RUNNING_OPTIONS,
  seconds,
  secretFile,
  text,
  toggle,
  UsageError,
  type Values,
} from "@agentx/common/cli";
import { COMMAND_OPTIONS } from "./command/options.ts";
import { TLS_OPTIONS, type TlsChoice, tlsChoice } from "./tls/options.ts";

export { VERSION } from "./version.ts";

const WHO = "Who you are";
const SERVER = "The server";
const LOCAL = "Your service";

const ID = {
  pattern: CLIENT_ID,
  expects: "1 to 128 of A-Z a-z 0-9 . _ ~ : @ -",
  arg: "<id>",
  private: true,
};

/** The options by flag. */
export const OPTIONS = {
  "client-id": text({
    about: "the token of your service: keep it to those who may visit " +
      "(default: of the last run, else made from this machine)",
    group: WHO,
    ...ID,
  }),
  "alias": list({ about: "a further token for the same service; repeatable", group: WHO, ...ID }),
  "server-addr": text({
    about: "host name or address of arps",
    arg: "<host>",
    group: SERVER,
    default: "127.0.0.1",
    pattern: /^[A-Za-z0-9._:-]+$/,
    expects: "a host name or address; the ports have flags of their own",
  }),
  "control-port": port({ about: "its control port", group: SERVER, default: 17001 }),
  "proxy-port": port({ about: "its proxy port", group: SERVER, default: 17002 }),
  "auth-token": {
    ...text({
      about:
        "what the server asks for to register; in ARP_AUTH_TOKEN it stays out of the list of " +
        "processes",
      arg: "<token>",
      group: SERVER,
      pattern: /^[\x21-\x7e]{8,256}$/,
      expects: "8 to 256 visible characters",
    }),
    secret: true,
  },
  "auth-token-file": secretFile("auth-token", SERVER),
  ...TLS_OPTIONS,
  "remote-port": port({
    about: "ask for a public port of your own, 0 for any (see arps --allow-ports)",
    group: SERVER,
  }),
  "local-addr": text({
    about: "host of the service to expose",
    arg: "<host>",
    group: LOCAL,
    default: "127.0.0.1",
  }),
  "local-port": port({
    about: "port of the service to expose (required, but for --command-mode: any by default)",
    group: LOCAL,
  }),
  "service": text({
    about: "what it speaks if it speaks first, such as ssh, else none " +
      "(default: one connection to it tells)",
    arg: "<name>",
    group: LOCAL,
    pattern: /^[a-z0-9-]{1,32}$/,
    expects: "a name of 1 to 32 of a-z 0-9 -",
  }),
  "db-user": text({
    about: "database user of visitors that name none (for PostgreSQL otherwise: postgres)",
    arg: "<name>",
    group: LOCAL,
    pattern: /^[^\0]{1,128}$/,
    expects: "a name of 1 to 128 characters",
  }),
  "require-visitor-token": toggle({
    about: "visitors need a token of yours (arpc token create); the client id alone opens nothing",
    group: WHO,
    default: false,
  }),
  "auto-reconnect": toggle({
    about: "come back after the link was lost",
    group: RUNNING,
    default: true,
  }),
  "reconnect-interval": seconds({
    about: "longest wait between two tries",
    group: RUNNING,
    default: 30,
    min: 0.05,
  }),
  "grace": seconds({
    about: "time for running visitors when told to stop",
    group: RUNNING,
    default: 30,
  }),
  ...COMMAND_OPTIONS,
  ...RUNNING_OPTIONS,
};

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
  if (values["require-visitor-token"] && values["remote-port"] !== undefined) {
    throw new UsageError(
      "--remote-port and --require-visitor-token: expected one of the two, found both: " +
        "visitors of a port cannot show a token",
    );
  }
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
