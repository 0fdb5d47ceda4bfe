/**
 * What the two programs share besides the protocol: options, signals, permissions.
 *
 * @module
 */

export { configFile } from "./config_file.ts";
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
export {
  choice,
  count,
  environment,
  list,
  type Option,
  type Options,
  port,
  readVariable,
  resolve,
  seconds,
  size,
  type Source,
  text,
  toggle,
  UsageError,
  type Values,
  variable,
} from "./options.ts";
export { ports, PortSet } from "./ports.ts";
export { optionVariables, readOptions, type Request } from "./request.ts";
export {
  keepNetwork,
  RUNNING,
  type Running,
  RUNNING_OPTIONS,
  runningFiles,
  startLogging,
} from "./running.ts";
export {
  findSubcommand,
  launchSubcommand,
  runSubcommand,
  type Subcommand,
  subcommand,
} from "./subcommand.ts";
export { type Shutdown, shutdownSignals } from "./signals.ts";
