/**
 * From the command line to the values of all options: what both programs start with.
 *
 * @module
 */

import { configFile } from "./config_file.ts";
import { type About, type CommandLine, parseFlags } from "./flags.ts";
import {
  environment,
  type Option,
  type Options,
  resolve,
  type Source,
  type Values,
  variable,
} from "./options.ts";

/** Variables that are known beside those of a program's own prefix. */
const ALIASES: Readonly<Record<string, string>> = {
  "log-level": "ARP_LOG",
  "api-key": "ARP_API_KEY",
  "auth-token": "ARP_AUTH_TOKEN",
};

/** What was asked for: text to print, or options to run with. */
export type Request<O extends Options> =
  | Extract<CommandLine, { kind: "print" }>
  | { kind: "run"; values: Values<O> };

/**
 * Reads flags, environment, the `--config` file, and then `weakest`.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export async function readOptions<O extends Options & { config: Option<string> }>(
  about: About,
  options: O,
  args: readonly string[],
  weakest: readonly Source[] = [],
): Promise<Request<O>> {
  const line = parseFlags(about, options, args);
  if (line.kind === "print") return line;
  const sources = [line.flags, environment(about.prefix, ALIASES)];
  const { config } = resolve({ config: options.config }, sources);
  if (config !== undefined) sources.push(await configFile(config, options));
  return { kind: "run", values: resolve(options, [...sources, ...weakest]) };
}

/** The variables that a program reads options from. */
export function optionVariables({ prefix }: About, options: Options): string[] {
  return Object.keys(options).flatMap((key) => [variable(prefix, key), ALIASES[key] ?? []].flat());
}
