/**
 * The command line: a `--help` that teaches, and the flags that were given.
 *
 * @module
 */

import { Command, CommanderError, Option as Flag } from "@std/cli";
import { epilogue, helpColumns, layout } from "./help.ts";
import type { Options } from "./options.ts";
import type { Source } from "./resolve.ts";
import { nearest, UsageError } from "./usage.ts";

/** What a program says of itself. */
export interface About {
  /** `arps` or `arpc`. */
  name: string;
  version: string;
  /** A sentence or two. */
  summary: string;
  /** Command lines with a word each, shown at the end of `--help`. */
  examples: readonly (readonly [command: string, why: string])[];
  /** Words that make another program of it, each with what that is for. */
  commands?: readonly (readonly [word: string, about: string])[];
  /** Prefix of its environment variables. */
  prefix: string;
  /** Option that may be given as a word without a flag. */
  operand?: string;
  /** Its exit codes: "0 when …, 1 …"; those of most are known. */
  exits?: string;
  /** What to do instead, where a command line begins with words that are no command. */
  hint?(words: readonly string[]): string | undefined;
}

/** What the command line asked for. */
export type CommandLine =
  | { kind: "run"; flags: Source }
  /** `--help` or `--version`: print this and be done. */
  | { kind: "print"; text: string };

/**
 * Reads the command line. Flags that are none are problems of the source, to be told with all others.
 *
 * @param columns for `--help`.
 * @throws {UsageError} on a missing value.
 */
export function parseFlags(
  about: About,
  options: Options,
  args: readonly string[],
  columns: () => number = helpColumns,
): CommandLine {
  let printed = "";
  const command = new Command(about.name)
    .description(about.summary)
    .usage(usage(about, options))
    .version(about.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .configureHelp(layout(options))
    .configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
      getOutHasColors: () => false,
      getOutHelpWidth: columns,
    });
  for (const [key, option] of Object.entries(options)) addFlag(command, key, option);
  command.addHelpText("after", () => epilogue(about, options, columns()));
  // Other task runners want `--` in front of the flags; a deno task passes it on.
  const given = args[0] === "--" ? args.slice(1) : args;
  try {
    command.parse([...given], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "print", text: printed };
    throw new UsageError(`${error.message.replace(/^error: /, "")}\n${seeHelp(about)}`);
  }
  const values = command.opts();
  const words = [...command.args];
  const operand = about.operand !== undefined && words[0]?.startsWith("-") === false
    ? words.shift()
    : undefined;
  return {
    kind: "run",
    flags: {
      problems: leftovers(about, options, words, given),
      describe: (key) => `--${key}`,
      get: (key) => {
        const name = camelCase(key);
        if (key === about.operand && operand !== undefined) return operand;
        return command.getOptionValueSource(name) === "cli" ? values[name] : undefined;
      },
    },
  };
}

/** The last line of an error about the command line. */
export function seeHelp({ name }: About): string {
  return `See ${name} --help.`;
}

/** What stands behind the name of a program. */
function usage({ operand, commands }: About, options: Options): string {
  if (operand !== undefined) return `[options] <${operand}>`;
  return commands !== undefined && Object.keys(options).length === 0 ? "<command>" : "[options]";
}

/** What is wrong with the words that are no flags and no values of any. */
function leftovers(
  about: About,
  options: Options,
  words: readonly string[],
  given: readonly string[],
): string[] {
  const flags = Object.entries(options).flatMap(([key, { arg, default: on }]) =>
    arg === undefined && on === true ? [`--${key}`, `--no-${key}`] : [`--${key}`]
  );
  const unknown = words[0] !== undefined && words[0] === given[0]
    ? unknownCommand(about, given)
    : undefined;
  const problems = unknown === undefined ? [] : [unknown];
  let excess = 0;
  for (const [at, word] of words.entries()) {
    const [name = ""] = word.split("=");
    if (flags.includes(name)) problems.push(`option '${name}' takes no value${off(name, flags)}`);
    else if (name.startsWith("-")) {
      const meant = nearest(name, flags);
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      problems.push(`unknown option '${name}'${hint}`);
      // What follows was to be its value.
    } else if (!words[at - 1]?.startsWith("-")) excess++;
  }
  // It may be the second half of a secret that was not quoted, so it is not repeated.
  if (excess > 0 && unknown === undefined) {
    problems.push(`too many arguments: ${excess} that belong to no flag`);
  }
  return problems;
}

/** What one may have wanted to say to a switch. */
function off(name: string, flags: readonly string[]): string {
  const without = `--no-${name.slice(2)}`;
  return flags.includes(without) ? `; ${without} turns it off` : "";
}

/** What is wrong with the first word; undefined when that does not look like a command. */
function unknownCommand(
  { name, commands, hint }: About,
  words: readonly string[],
): string | undefined {
  const [word = ""] = words;
  if (commands === undefined) return undefined;
  const known = [...new Set(commands.flatMap(([one]) => [one, one.split(" ")[0]!]))];
  const meant = nearest(word, known);
  const instead = meant === undefined ? hint?.(words) : `did you mean ${name} ${meant}?`;
  if (instead === undefined && !/^[a-z][a-z-]{0,15}$/.test(word)) return undefined;
  const all = [...new Set(commands.map(([one]) => one.split(" ")[0]))].join(", ");
  return `unknown command '${word}'; ${instead ?? `${name} has ${all}`}`;
}

function addFlag(command: Command, key: string, option: Options[string]): void {
  const flag = new Flag(`--${key}${option.arg === undefined ? "" : ` ${option.arg}`}`, option.about)
    .helpGroup(option.group);
  if (option.alone !== undefined) flag.preset(option.alone);
  if (option.list) {
    flag.argParser((value: string, before: string[] | undefined) => [...before ?? [], value]);
  }
  command.addOption(flag);
  if (option.arg === undefined && option.default === true) {
    command.addOption(new Flag(`--no-${key}`, `turn --${key} off`).helpGroup(option.group));
  }
}

/** Commander's name for the value of a flag. */
function camelCase(key: string): string {
  return key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
