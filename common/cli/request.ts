/**
 * From the command line to the values of all options: what both programs start with.
 *
 * @module
 */

import { configFile } from "./config_file.ts";
import { environment, strayVariables, variable } from "./environment.ts";
import { type About, type CommandLine, parseFlags, seeHelp } from "./flags.ts";
import type { Option, Options, Values } from "./options.ts";
import { warn } from "./output.ts";
import { type ConfigFormat, printConfig } from "./print.ts";
import { check, type Source } from "./resolve.ts";
import { withSecretFiles } from "./secrets.ts";
import { UsageError, usageError } from "./usage.ts";

/** Variables that are known beside those of a program's own prefix. */
const ALIASES: Readonly<Record<string, string>> = {
  "log-level": "ARP_LOG",
  "api-key": "ARP_API_KEY",
  "auth-token": "ARP_AUTH_TOKEN",
  "api-key-file": "ARP_API_KEY_FILE",
  "auth-token-file": "ARP_AUTH_TOKEN_FILE",
};

/** What was asked for: text to print, or options to run with. */
export type Request<O extends Options> =
  | Extract<CommandLine, { kind: "print" }>
  | { kind: "run"; values: Values<O> };

/** What else {@link readOptions} may know. */
export interface Elsewhere<O extends Options = Options> {
  /** Sources that stand behind the file. */
  weakest?: readonly Source[];
  /** Options of the program and its words, whose keys in a file and variables are left alone. */
  family?: readonly Options[];
  /** What is wrong with values that are good one by one. */
  agree?(values: Values<O>): readonly string[];
  /** What is wrong with the files that are named, for `--check`; values that are bad are left out. */
  examine?(values: Partial<Values<O>>): Promise<readonly string[]>;
}

/** The options that say where others come from, and what to do with them. */
type Least = Options & { "config": Option<string>; "print-config": Option<ConfigFormat> };

/**
 * Reads flags, environment, the `--config` file, and then what is weaker.
 *
 * @throws {UsageError} with all that it cannot use.
 */
export async function readOptions<O extends Least>(
  about: About,
  options: O,
  args: readonly string[],
  { weakest = [], family = [], agree, examine }: Elsewhere<O> = {},
): Promise<Request<O>> {
  const line = parseFlags(about, options, args);
  if (line.kind === "print") return line;
  const relatives = family.map((one) => Object.entries(one)).flat();
  const others = relatives.filter(([, { once }]) => !once).map(([key]) => key);
  const known = [...Object.keys(options), ...relatives.map(([key]) => key)];
  for (const stray of strayVariables(about.prefix, known)) warn(about.name, stray);
  const sources = [line.flags, environment(about.prefix, ALIASES, options)];
  const unread: string[] = [];
  // If this value is a bad one, that is told with all others.
  const { config } = check({ config: options.config }, sources).values;
  if (config !== undefined) {
    try {
      sources.push(await configFile(config, options, others));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      unread.push(error.message);
    }
  }
  const all = [...sources, ...weakest].map((source) => withSecretFiles(source, options));
  const { values, problems } = check(options, all);
  const wrong = [...unread, ...problems];
  if (wrong.length === 0) wrong.push(...agree?.(values) ?? []);
  const checks = examine !== undefined && (values as { check?: boolean }).check === true;
  if (checks) wrong.push(...await examine(values));
  if (wrong.length > 0) throw usageError(wrong, line.flags.problems?.length ? seeHelp(about) : "");
  if (checks) return { kind: "print", text: `${about.name}: configuration is good\n` };
  const format = (values as Values<Least>)["print-config"];
  if (format === undefined) return { kind: "run", values };
  return { kind: "print", text: printConfig(about.name, options, all, values, format) };
}

/** The variables that a program reads options from. */
export function optionVariables({ prefix }: About, options: Options): string[] {
  return Object.keys(options).flatMap((key) => [variable(prefix, key), ALIASES[key] ?? []].flat());
}
