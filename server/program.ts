/**
 * From the command line to a configuration: what `main.ts` and `launch.ts` both start with.
 *
 * @module
 */

import {
  type About,
  keysOf,
  optionVariables,
  type Permissions,
  readOptions,
  readVariable,
  type Request,
  runningFiles,
  type Values,
} from "@agentx/common/cli";
import { resolve as absolute } from "@std/path";
import { OPTIONS, VERSION } from "./config.ts";
import { SUBCOMMANDS } from "./subcommands.ts";

const ABOUT: About = {
  name: "arps",
  version: VERSION,
  prefix: "ARPS",
  commands: SUBCOMMANDS.map(({ word, brief }) => [word, brief]),
  summary: "Server of ARP: puts programs that run behind NAT on the public internet, through one " +
    "public port.\nRun it on a host with a public address, and arpc beside each service.",
  examples: [
    ["arps", "the three default ports, open to the world"],
    ["arps --pool-size 5 --public-port 8080", "more warm tunnels, another public port"],
    ["arps --tls-cert cert.pem --tls-key key.pem", "TLS on all three ports (see arps cert)"],
    ["arps --allow-ports 20000-20100", "clients may ask for a port of their own"],
    ["arps --domain tunnel.example.com", "route http://my-app.tunnel.example.com:17003/ to my-app"],
  ],
};

/**
 * Reads flags, environment and file.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export function readRequest(args: readonly string[]): Promise<Request<typeof OPTIONS>> {
  return readOptions(ABOUT, OPTIONS, args, { others: keysOf(SUBCOMMANDS) });
}

/** Ports of clients that are named one by one; more would make a command line that nobody reads. */
const MAX_PORTS_NAMED = 256;

/** The permissions that a run with these options needs. */
export function permissions(values: Values<typeof OPTIONS>): Permissions {
  const ports = ["control-port", "proxy-port", "public-port"] as const;
  const host = bracket(values.bind);
  const given = values["allow-ports"];
  const all = [...ports.map((port) => values[port]), ...given];
  const admin = values["admin-port"] === undefined
    ? []
    : [`${bracket(values["admin-bind"])}:${values["admin-port"]}`];
  const files = runningFiles(values, OPTIONS);
  return {
    // A port that the system chooses is not known yet, so the host stands alone.
    net: [
      ...(given.size > MAX_PORTS_NAMED
        ? [host]
        : all.map((port) => port === 0 ? host : `${host}:${port}`)),
      ...admin.map((address) => address.replace(/:0$/, "")),
    ],
    env: optionVariables(ABOUT, OPTIONS)
      .filter((name) => readVariable(name) !== undefined),
    read: [...files.read, ...watchedFiles(values)],
    write: files.write,
  };
}

/** Files that are read again when they change. */
export function watchedFiles(values: Values<typeof OPTIONS>): string[] {
  return [values["tls-cert"], values["tls-key"], values["auth-file"]]
    .filter((file) => file !== undefined).map((file) => absolute(file));
}

function bracket(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
