/**
 * From the command line to a configuration: what `main.ts` and `launch.ts` both start with.
 *
 * @module
 */

import { formatAddress, hostOf } from "@agentx/common";
import {
  type About,
  type Family,
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
import { contradictions, localPort, VERSION } from "./config.ts";
import { MACHINE_ID_FILES, OS_RELEASE_FILE, USER_VARIABLES } from "./identity.ts";
import { OPTIONS } from "./options.ts";
import { HOME_VARIABLES, homeFolder, readState, stateFolder } from "./state.ts";
import { GROUPS, SUBCOMMANDS } from "./subcommands.ts";

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
  exits: "0 after a clean stop, 1 on a failure, 2 on bad options, 3 when its id was registered " +
    "again elsewhere",
  hint,
};

/** What other programs of this kind are told in words, told in flags. */
function hint([word = "", ...more]: readonly string[]): string | undefined {
  const port = [word, ...more].find((one) => /^\d{1,5}$/.test(one)) ?? "3000";
  if (/^\d+$/.test(word)) return `did you mean --local-port ${word}?`;
  if (["http", "https", "web"].includes(word)) return `it is arpc --local-port ${port}`;
  if (!["tcp", "tls", "ssh"].includes(word)) return undefined;
  return `it is arpc --local-port ${port}, and --remote-port 0 for a public port of its own`;
}

/** `arpc`, and what it does besides exposing a service. */
export const FAMILY: Family = {
  about: ABOUT,
  options: OPTIONS,
  words: SUBCOMMANDS,
  groups: GROUPS,
};

/**
 * Reads flags, environment, file, and what the last run left.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export function readRequest(args: readonly string[]): Promise<Request<typeof OPTIONS>> {
  return readOptions(ABOUT, OPTIONS, args, {
    weakest: [readState(stateFolder())],
    family: tablesOf(FAMILY),
    agree: contradictions,
    examine: async (values) => (await import("./check.ts")).examine(values, place()),
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
  const server = hostOf({ hostname: values["server-addr"] });
  const folder = stateFolder();
  const state = folder === undefined ? [] : [folder];
  const files = runningFiles(values, OPTIONS);
  return {
    net: [
      `${server}:${values["control-port"]}`,
      `${server}:${values["proxy-port"]}`,
      formatAddress({ hostname: values["local-addr"], port: localPort(values) }),
    ],
    sys: ["hostname"],
    env: [...optionVariables(ABOUT, OPTIONS), ...HOME_VARIABLES, ...USER_VARIABLES]
      .filter((name) => readVariable(name) !== undefined),
    read: [
      ...MACHINE_ID_FILES,
      OS_RELEASE_FILE,
      ...state,
      ...files.read,
      ...[values["tls-ca"], values["visitor-key-file"]].filter((path) => path !== undefined)
        .map((path) => absolute(path)),
    ],
    write: [...state, ...files.write],
  };
}
