/**
 * What every program is told about its own running: a configuration file, logs, permissions.
 *
 * @module
 */

import { dirname, resolve as absolute } from "@std/path";
import { LOG_LEVELS, setupLogging } from "../log.ts";
import { type Permissions, revokeAllBut } from "./launch.ts";
import {
  choice,
  type Option,
  type Options,
  text,
  toggle,
  type Values,
  type WithDefault,
} from "./options.ts";
import { CONFIG_FORMATS, type ConfigFormat } from "./print.ts";
import { secretFiles } from "./secrets.ts";
import { logExport } from "./telemetry.ts";

/** Heading of these options in `--help`; programs add to them. */
export const RUNNING = "Running";

/** The options that all programs have. */
export const RUNNING_OPTIONS: {
  "config": Option<string>;
  "log-level": WithDefault<typeof LOG_LEVELS[number]>;
  "log-file": Option<string>;
  "print-config": Option<ConfigFormat>;
  "print-permissions": WithDefault<boolean>;
} = {
  "config": text({
    about: "read options from a file, TOML or JSONC",
    arg: "<file>",
    group: RUNNING,
    once: true,
  }),
  "log-level": choice({
    about: "least level to log",
    group: RUNNING,
    choices: LOG_LEVELS,
    default: "info",
  }),
  "log-file": text({
    about: "also log to this file, as JSON lines, rotated",
    arg: "<file>",
    group: RUNNING,
  }),
  "print-config": {
    ...choice({
      about: "print all these options as a file, with where each came from, and exit",
      arg: `[${CONFIG_FORMATS.join("|")}]`,
      group: RUNNING,
      choices: CONFIG_FORMATS,
    }),
    alone: CONFIG_FORMATS[0],
    once: true,
  },
  "print-permissions": toggle({
    about: "print the permissions these options need, and exit",
    group: RUNNING,
    default: false,
    once: true,
  }),
};

/** Those of programs that are over at once, and log nothing. */
export const SUBCOMMAND_OPTIONS: Pick<
  typeof RUNNING_OPTIONS,
  "config" | "print-config" | "print-permissions"
> = {
  "config": RUNNING_OPTIONS.config,
  "print-config": RUNNING_OPTIONS["print-config"],
  "print-permissions": RUNNING_OPTIONS["print-permissions"],
};

/** The values of {@link RUNNING_OPTIONS}. */
export type Running = Values<typeof RUNNING_OPTIONS>;

/**
 * The files that these options need: the configuration, secrets, and the folder of the log, which
 * rotates.
 *
 * @param options the table, if there are secrets in it.
 */
export function runningFiles(
  values: Pick<Running, "config" | "log-file">,
  options: Options = {},
): Required<Pick<Permissions, "read" | "write">> {
  const { config, "log-file": log } = values;
  const logs = log === undefined ? [] : [dirname(absolute(log))];
  const files = config === undefined ? [] : [absolute(config)];
  return { read: [...files, ...secretFiles(options, values), ...logs], write: logs };
}

/** Logs as these options say, and exports that if the runtime does; until disposed. */
export function startLogging(
  { "log-level": level, "log-file": file }: Running,
): Promise<AsyncDisposable> {
  return setupLogging({ level, file, exported: logExport() === "on" });
}

/**
 * Gives up every permission but the network and, if there is one, the log file.
 *
 * @param files further files that will be read again.
 */
export function keepNetwork(
  { "log-file": file }: Running,
  files: readonly string[] = [],
): Promise<void> {
  const read = files.length > 0 ? ["read"] as const : [];
  return revokeAllBut("net", ...(file === undefined ? read : ["read", "write"] as const));
}
