/**
 * What the two programs share besides the protocol: options, signals, permissions.
 *
 * @module
 */

export { configFile, parseKeys } from "./config_file.ts";
export { outliveFaults } from "./faults.ts";
export { type About, type CommandLine, parseFlags } from "./flags.ts";
export {
  launch,
  launchProgram,
  permissionFlags,
  type Permissions,
  revokeAllBut,
  V8_FLAGS,
} from "./launch.ts";
export { jsonSchema, type NamedOptions } from "./json_schema.ts";
export { environment, readVariable, variable } from "./environment.ts";
export {
  choice,
  count,
  list,
  type Option,
  type Options,
  port,
  type Schema,
  seconds,
  SECRET,
  SECRET_EXPECTS,
  secretFile,
  secretText,
  size,
  text,
  textCodec,
  toggle,
  type Values,
  type WithDefault,
} from "./options.ts";
export { complain, print, warn, write } from "./output.ts";
export { ports, PortSet } from "./ports.ts";
export { type ConfigFormat } from "./print.ts";
export { type Elsewhere, optionVariables, readOptions, type Request } from "./request.ts";
export { resolve, type Source } from "./resolve.ts";
export {
  keepNetwork,
  RUNNING,
  type Running,
  RUNNING_OPTIONS,
  runningFiles,
  startLogging,
  SUBCOMMAND_OPTIONS,
} from "./running.ts";
export {
  type Asked,
  type Family,
  findProgram,
  launchSubcommand,
  runSubcommand,
  type Subcommand,
  subcommand,
  tablesOf,
} from "./subcommand.ts";
export { outliveHangUp, type Shutdown, shutdownSignals } from "./signals.ts";
export { isExporting, logExport } from "./telemetry.ts";
export { inFileOrder, mistakesOf, nearest, UsageError, usageError } from "./usage.ts";
export { FileWatch, type WatchTimes } from "./watch_file.ts";
