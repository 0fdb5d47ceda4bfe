/**
 * From the command line to a configuration: what `main.ts` and `launch.ts` both start with.
 *
 * @module
 */

import {
  type About,
  type CommandLine,
  configFile,
  environment,
  parseFlags,
  type Permissions,
  readVariable,
  resolve,
  type Values,
  variable,
} from "@agentx/common/cli";
import { OPTIONS, VERSION } from "./config.ts";
import { dirname, resolve as absolute } from "@std/path";

const ABOUT: About = {
  name: "arps",
  version: VERSION,
  prefix: "ARPS",
  summary: "Server of ARP: puts programs that run behind NAT on the public internet, through one " +
    "public port.\nRun it on a host with a public address, and arpc beside each service.",
  examples: [
    ["arps", "the three default ports, open to the world"],
    ["arps --pool-size 5 --public-port 8080", "more warm tunnels, another public port"],
    ["arps --domain tunnel.example.com", "route http://my-app.tunnel.example.com:17003/ to my-app"],
  ],
};

/** The variable that other programs of this kind have for their log level. */
const ALIASES = { "log-level": "ARP_LOG" };

/** What was asked for: text to print, or options to run with. */
export type Request =
  | Extract<CommandLine, { kind: "print" }>
  | { kind: "run"; values: Values<typeof OPTIONS> };

/**
 * Reads flags, environment and file.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export async function readRequest(args: readonly string[]): Promise<Request> {
  const line = parseFlags(ABOUT, OPTIONS, args);
  if (line.kind === "print") return line;
  const sources = [line.flags, environment(ABOUT.prefix, ALIASES)];
  const path = resolve({ config: OPTIONS.config }, sources).config;
  if (path !== undefined) sources.push(await configFile(path, OPTIONS));
  return { kind: "run", values: resolve(OPTIONS, sources) };
}

/** The permissions that a run with these options needs. */
export function permissions(values: Values<typeof OPTIONS>): Permissions {
  const ports = ["control-port", "proxy-port", "public-port"] as const;
  const host = values.bind.includes(":") ? `[${values.bind}]` : values.bind;
  const logs = values["log-file"] === undefined ? [] : [dirname(absolute(values["log-file"]))];
  return {
    // A port that the system chooses is not known yet, so the host stands alone.
    net: ports.map((port) => values[port] === 0 ? host : `${host}:${values[port]}`),
    env: [...Object.keys(OPTIONS).map((key) => variable(ABOUT.prefix, key)), ALIASES["log-level"]]
      .filter((name) => readVariable(name) !== undefined),
    read: [...(values.config === undefined ? [] : [absolute(values.config)]), ...logs],
    write: logs,
  };
}
