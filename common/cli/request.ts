/**
 * From the command line to the values of all options: what both programs start with.
 *
 * @module
 */

import { configFile } from "./config_file.ts";
import { environment, variable } from "./environment.ts";
import { type About, type CommandLine, parseFlags, seeHelp } from "./flags.ts";
import type { Option, Options, Values } from "./options.ts";
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
export interface Elsewhere {
  /** Sources that stand behind the file. */
  weakest?: readonly Source[];
  /** Keys of a file that are for other words of the program, and left alone. */
  others?: Iterable<string>;
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
  { weakest = [], others = [] }: Elsewhere = {},
): Promise<Request<O>> {
  const line = parseFlags(about, options, args);
  if (line.kind === "print") return line;
  const sources = [line.flags, environment(about.prefix, ALIASES)];
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
  if (unread.length + problems.length > 0) {
    throw usageError([...unread, ...problems], line.flags.problems?.length ? seeHelp(about) : "");
  }
  const format = (values as Values<Least>)["print-config"];
  if (format === undefined) return { kind: "run", values };
  return { kind: "print", text: printConfig(about.name, options, all, values, format) };
}

/** The variables that a program reads options from. */
export function optionVariables({ prefix }: About, options: Options): string[] {
  return Object.keys(options).flatMap((key) => [variable(prefix, key), ALIASES[key] ?? []].flat());
}
