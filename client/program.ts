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
import { localPort, OPTIONS, VERSION } from "./config.ts";
import { MACHINE_ID_FILES, OS_RELEASE_FILE, USER_VARIABLES } from "./identity.ts";
import { HOME_VARIABLES, homeFolder, readState, stateFolder } from "./state.ts";
import { SUBCOMMANDS } from "./subcommands.ts";

const ABOUT: About = {
  name: "arpc",
  version: VERSION,
  prefix: "ARPC",
  summary: "Client of ARP: exposes a service on this machine through an arps server.",
  commands: SUBCOMMANDS.map(({ word, brief }) => [word, brief]),
  examples: [
    ["arpc --client-id my-app --server-addr your-server.com --local-port 3000", "share a web app"],
    ["arpc --tls --server-addr your-server.com --local-port 3000", "by TLS all the way"],
    ["arpc --local-port 8080 --alias alice --alias bob", "one service under three tokens"],
    ["arpc --local-port 22 --remote-port 0", "ssh, or anything else, on a port of its own"],
    [
      "ARP_API_KEY=… arpc --command-mode --client-id my-laptop",
      "steer AI coding CLIs from elsewhere",
    ],
    ["arpc --config arpc.toml", "everything from a file"],
  ],
};

/**
 * Reads flags, environment, file, and what the last run left.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export function readRequest(args: readonly string[]): Promise<Request<typeof OPTIONS>> {
  return readOptions(ABOUT, OPTIONS, args, {
    weakest: [readState(stateFolder())],
    others: keysOf(SUBCOMMANDS),
  });
}

/**
 * The permissions that a run with these options needs.
 *
 * @throws {UsageError} when `--local-port` is missing.
 */
export async function permissions(values: Values<typeof OPTIONS>): Promise<Permissions> {
  const own = ownPermissions(values);
  if (!values["command-mode"]) return own;
  // What exposes a service has no use for all that.
  const { commandPermissions } = await import("./command/program.ts");
  const more = commandPermissions(values, place());
  return {
    sys: own.sys,
    run: more.run,
    net: [...own.net.slice(0, -1), ...more.net],
    env: [...own.env, ...more.env],
    read: [...own.read, ...more.read],
    write: [...own.write, ...more.write],
  };
}

/** Where this client finds itself. */
export function place(): { home: string | undefined; stateFolder: string | undefined } {
  return { home: homeFolder(), stateFolder: stateFolder() };
}

function ownPermissions(values: Values<typeof OPTIONS>): Required<Omit<Permissions, "run">> {
  const bracket = (host: string) => host.includes(":") ? `[${host}]` : host;
  const server = bracket(values["server-addr"]);
  const folder = stateFolder();
  const state = folder === undefined ? [] : [folder];
  const files = runningFiles(values, OPTIONS);
  return {
    net: [
      `${server}:${values["control-port"]}`,
      `${server}:${values["proxy-port"]}`,
      `${bracket(values["local-addr"])}:${localPort(values)}`,
    ],
    sys: ["hostname"],
    env: [...optionVariables(ABOUT, OPTIONS), ...HOME_VARIABLES, ...USER_VARIABLES]
      .filter((name) => readVariable(name) !== undefined),
    read: [
      ...MACHINE_ID_FILES,
      OS_RELEASE_FILE,
      ...state,
      ...files.read,
      ...(values["tls-ca"] === undefined ? [] : [absolute(values["tls-ca"])]),
    ],
    write: [...state, ...files.write],
  };
}
