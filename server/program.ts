/**
 * From the command line to a configuration: what `main.ts` and `launch.ts` both start with.
 *
 * @module
 */

import { hostOf, isLoopback } from "@agentx/common";
import {
  type About,
  type Family,
  nearest,
  optionVariables,
  type Permissions,
  readOptions,
  readVariable,
  type Request,
  runningFiles,
  tablesOf,
  type Values,
} from "@agentx/common/cli";
import { resolve as absolute } from "@std/path";
import { contradictions, VERSION } from "./config.ts";
import { OPTIONS } from "./options.ts";
import { GROUPS, SUBCOMMANDS } from "./subcommands.ts";

const ABOUT: About = {
  name: "arps",
  version: VERSION,
  prefix: "ARPS",
  commands: SUBCOMMANDS.map(({ word, brief }) => [word, brief]),
  summary: "Server of ARP: puts programs that run behind NAT on the public internet, through one " +
    "public port. Run it on a host with a public address, and arpc beside each service.",
  examples: [
    ["arps", "the three default ports, open to the world"],
    ["arps --pool-size 5 --public-port 8080", "more warm tunnels, another public port"],
    ["arps --tls-cert cert.pem --tls-key key.pem", "TLS on all three ports (see arps cert)"],
    ["arps --allow-ports 20000-20100", "clients may ask for a port of their own"],
    ["arps --domain tunnel.example.com", "route http://my-app.tunnel.example.com:17003/ to my-app"],
  ],
  exits: "0 after a clean stop, 1 on a failure, 2 on bad options",
  hint,
};

/** What one may have wanted of the other program. */
function hint([word = ""]: readonly string[]): string | undefined {
  if (["http", "https", "tcp"].includes(word)) return "arpc is what exposes a service";
  const meant = nearest(word, ["token", "connect"]);
  return meant === undefined ? undefined : `did you mean arpc ${meant}?`;
}

/** `arps`, and what it does besides serving. */
export const FAMILY: Family = {
  about: ABOUT,
  options: OPTIONS,
  words: SUBCOMMANDS,
  groups: GROUPS,
};

/**
 * Reads flags, environment and file.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export function readRequest(args: readonly string[]): Promise<Request<typeof OPTIONS>> {
  return readOptions(ABOUT, OPTIONS, args, {
    family: tablesOf(FAMILY),
    agree: contradictions,
    examine: async (values) => (await import("./check.ts")).examine(values),
  });
}

/** Ports of clients that are named one by one; more would make a command line that nobody reads. */
const MAX_PORTS_NAMED = 256;

/** The permissions that a run with these options needs. */
export function permissions(values: Values<typeof OPTIONS>): Permissions {
  const ports = ["control-port", "proxy-port", "public-port"] as const;
  const host = hostOf({ hostname: values.bind });
  const given = values["allow-ports"];
  const all = [...ports.map((port) => values[port]), ...given];
  const admin = values["admin-port"] === undefined
    ? []
    : [`${hostOf({ hostname: values["admin-bind"] })}:${values["admin-port"]}`];
  const files = runningFiles(values, OPTIONS);
  const open = values["auth-token"] === undefined && values["auth-file"] === undefined &&
    !isLoopback(values.bind);
  return {
    // A port that the system chooses is not known yet, so the host stands alone.
    net: [
      ...(given.size > MAX_PORTS_NAMED
        ? [host]
        : all.map((port) => port === 0 ? host : `${host}:${port}`)),
      ...admin.map((address) => address.replace(/:0$/, "")),
    ],
    // Whoever warns that no secret was given must have been able to look.
    env: optionVariables(ABOUT, OPTIONS)
      .filter((name) => readVariable(name) !== undefined || (open && name === "ARP_AUTH_TOKEN")),
    read: [...files.read, ...watchedFiles(values)],
    write: files.write,
  };
}

/** Files that are read again when they change. */
export function watchedFiles(values: Values<typeof OPTIONS>): string[] {
  return [values["tls-cert"], values["tls-key"], values["auth-file"]]
    .filter((file) => file !== undefined).map((file) => absolute(file));
}
