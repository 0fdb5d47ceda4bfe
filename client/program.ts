/**
 * From the command line to a configuration: what `main.ts` and `launch.ts` both start with.
 *
 * @module
 */

import { dirname, resolve as absolute } from "@std/path";
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
import { localPort, OPTIONS, VERSION } from "./config.ts";
import { MACHINE_ID_FILES, OS_RELEASE_FILE, USER_VARIABLES } from "./identity.ts";
import { HOME_VARIABLES, readState, stateFolder } from "./state.ts";

const ABOUT: About = {
  name: "arpc",
  version: VERSION,
  prefix: "ARPC",
  summary: "Client of ARP: exposes a service on this machine through an arps server.",
  examples: [
    ["arpc --client-id my-app --server-addr your-server.com --local-port 3000", "share a web app"],
    ["arpc --local-port 8080 --alias alice --alias bob", "one service under three tokens"],
    ["arpc --config arpc.toml", "everything from a file"],
  ],
};

/** The variable that other programs of this kind have for their log level. */
const ALIASES = { "log-level": "ARP_LOG" };

/** What was asked for: text to print, or options to run with. */
export type Request =
  | Extract<CommandLine, { kind: "print" }>
  | { kind: "run"; values: Values<typeof OPTIONS> };

/**
 * Reads flags, environment, file, and what the last run left.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export async function readRequest(args: readonly string[]): Promise<Request> {
  const line = parseFlags(ABOUT, OPTIONS, args);
  if (line.kind === "print") return line;
  const sources = [line.flags, environment(ABOUT.prefix, ALIASES)];
  const path = resolve({ config: OPTIONS.config }, sources).config;
  if (path !== undefined) sources.push(await configFile(path, OPTIONS));
  sources.push(readState(stateFolder()));
  return { kind: "run", values: resolve(OPTIONS, sources) };
}

/**
 * The permissions that a run with these options needs.
 *
 * @throws {UsageError} when `--local-port` is missing.
 */
export function permissions(values: Values<typeof OPTIONS>): Permissions {
  const bracket = (host: string) => host.includes(":") ? `[${host}]` : host;
  const server = bracket(values["server-addr"]);
  const folder = stateFolder();
  const state = folder === undefined ? [] : [folder];
  const logs = values["log-file"] === undefined ? [] : [dirname(absolute(values["log-file"]))];
  const config = values.config === undefined ? [] : [absolute(values.config)];
  const options = Object.keys(OPTIONS).map((key) => variable(ABOUT.prefix, key));
  return {
    net: [
      `${server}:${values["control-port"]}`,
      `${server}:${values["proxy-port"]}`,
      `${bracket(values["local-addr"])}:${localPort(values)}`,
    ],
    sys: ["hostname"],
    env: [...options, ALIASES["log-level"], ...HOME_VARIABLES, ...USER_VARIABLES]
      .filter((name) => readVariable(name) !== undefined),
    read: [...MACHINE_ID_FILES, OS_RELEASE_FILE, ...state, ...config, ...logs],
    write: [...state, ...logs],
  };
}
