/**
 * From the command line to a configuration: what `main.ts` and `launch.ts` both start with.
 *
 * @module
 */

import {
  type About,
  optionVariables,
  type Permissions,
  readOptions,
  readVariable,
  type Request,
  runningFiles,
  type Values,
} from "@agentx/common/cli";
import { OPTIONS, VERSION } from "./config.ts";

const ABOUT: About = {
  name: "arps",
  version: VERSION,
  prefix: "ARPS",
  summary: "Server of ARP: puts programs that run behind NAT on the public internet, through one " +
    "public port.\nRun it on a host with a public address, and arpc beside each service.",
  examples: [
    ["arps", "the three default ports, open to the world"],
    ["arps --pool-size 5 --public-port 8080", "more warm tunnels, another public port"],
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
  return readOptions(ABOUT, OPTIONS, args);
}

/** Ports of clients that are named one by one; more would make a command line that nobody reads. */
const MAX_PORTS_NAMED = 256;

/** The permissions that a run with these options needs. */
export function permissions(values: Values<typeof OPTIONS>): Permissions {
  const ports = ["control-port", "proxy-port", "public-port"] as const;
  const host = values.bind.includes(":") ? `[${values.bind}]` : values.bind;
  const given = values["allow-ports"];
  const all = [...ports.map((port) => values[port]), ...given];
  return {
    // A port that the system chooses is not known yet, so the host stands alone.
    net: given.size > MAX_PORTS_NAMED
      ? [host]
      : all.map((port) => port === 0 ? host : `${host}:${port}`),
    env: optionVariables(ABOUT, OPTIONS)
      .filter((name) => readVariable(name) !== undefined),
    ...runningFiles(values),
  };
}
