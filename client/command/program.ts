/**
 * What command mode may do: the CLIs that are there, the folders they and their projects lie in, and
 * nothing else of the machine.
 *
 * @module
 */

import { type Permissions, readVariable, type Values } from "@agentx/common/cli";
import { commandConfig, type Place } from "./config.ts";
import { SYSTEM_PROGRAMS } from "./drivers/processes.ts";
import { passedVariables } from "./executors/environment.ts";
import { findProgram } from "./executors/find.ts";
import { EXECUTORS } from "./executors/mod.ts";
import { HISTORY_VARIABLES, historyFolders } from "./history/mod.ts";
import type { COMMAND_OPTIONS } from "./options.ts";

/** This machine: for the API itself, and for what `/proxy` reaches. */
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/**
 * The permissions that command mode needs beside those of every client. A CLI that is installed
 * later is found at the next start.
 *
 * @throws {UsageError} when a folder is not there.
 */
export function commandPermissions(
  values: Values<typeof COMMAND_OPTIONS>,
  place: Place,
): Required<Omit<Permissions, "sys">> {
  const { home, stateFolder, projectRoots, passEnv } = commandConfig(values, place);
  const programs = [...EXECUTORS.map(({ program }) => program), ...SYSTEM_PROGRAMS, "git"]
    .map((name) => findProgram(name)).filter((path) => path !== undefined);
  const history = historyFolders(home, readVariable);
  return {
    net: LOOPBACK,
    run: programs,
    env: [...passedVariables(EXECUTORS, passEnv), ...HISTORY_VARIABLES]
      .filter((name) => readVariable(name) !== undefined),
    read: [stateFolder, ...projectRoots, ...programs, ...history.read],
    write: [stateFolder, ...history.write],
  };
}
