/**
 * The command line: a `--help` that teaches, and the flags that were given.
 *
 * @module
 */

import { Command, CommanderError, Option as Flag } from "@std/cli";
import { variable } from "./environment.ts";
import type { Options } from "./options.ts";
import { RUNNING } from "./running.ts";
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
}

/** What the command line asked for. */
export type CommandLine =
  | { kind: "run"; flags: Source }
  /** `--help` or `--version`: print this and be done. */
  | { kind: "print"; text: string };

/**
 * Reads the command line. Flags that are none are problems of the source, to be told with all others.
 *
 * @throws {UsageError} on a missing value.
 */
export function parseFlags(
  about: About,
  options: Options,
  args: readonly string[],
): CommandLine {
  let printed = "";
  const command = new Command(about.name)
    .description(about.summary)
    .version(about.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
      getOutHasColors: () => false,
      getOutHelpWidth: () => 96,
    });
  if (about.operand !== undefined) command.usage(`[options] <${about.operand}>`);
  for (const [key, option] of Object.entries(options)) addFlag(command, key, option);
  command.addHelpText("after", () => epilogue(about, options));
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
      problems: leftovers(about, options, words),
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

/** What is wrong with the words that are no flags and no values of any. */
function leftovers({ commands = [] }: About, options: Options, words: readonly string[]): string[] {
  const flags = Object.entries(options).flatMap(([key, { arg, default: on }]) =>
    arg === undefined && on === true ? [`--${key}`, `--no-${key}`] : [`--${key}`]
  );
  const problems: string[] = [];
  let excess = 0;
  for (const [at, word] of words.entries()) {
    const [name = ""] = word.split("=");
    if (name.startsWith("-")) {
      const meant = nearest(name, flags);
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      problems.push(`unknown option '${name}'${hint}`);
      // What follows was to be its value.
    } else if (!words[at - 1]?.startsWith("-")) {
      const meant = at === 0 ? nearest(word, commands.map(([one]) => one)) : undefined;
      if (meant !== undefined) problems.push(`unknown command '${word}'; did you mean ${meant}?`);
      else excess++;
    }
  }
  // It may be the second half of a secret that was not quoted, so it is not repeated.
  if (excess > 0) problems.push(`too many arguments: ${excess} that belong to no flag`);
  return problems;
}

function addFlag(command: Command, key: string, option: Options[string]): void {
  const flag = new Flag(`--${key}${option.arg === undefined ? "" : ` ${option.arg}`}`, option.about)
    .helpGroup(option.group);
  if (option.alone !== undefined) flag.preset(option.alone);
  if (option.list) {
    flag.argParser((value: string, before: string[] | undefined) => [...before ?? [], value]);
  } else if (option.default !== undefined && option.default !== false && option.default !== "") {
    flag.default(option.default);
  }
  command.addOption(flag);
  if (option.arg === undefined && option.default === true) {
    command.addOption(new Flag(`--no-${key}`, `turn --${key} off`).helpGroup(option.group));
  }
}

function epilogue({ name, prefix, examples, commands = [] }: About, options: Options): string {
  const width = Math.max(...commands.map(([word]) => word.length));
  const words = commands.map(([word, about]) => `  ${name} ${word.padEnd(width)}  ${about}\n`);
  const lines = examples.map(([command, why]) => `  # ${why}\n  $ ${command}\n`);
  // Words for one occasion come from nowhere else.
  const key = Object.keys(options).find((key) => !options[key]?.once && key !== "config");
  const lasting = key !== undefined && options[key]?.group !== RUNNING;
  const sources = lasting
    ? `Every option can also come from the environment (--${key} is ${
      variable(prefix, key)
    }), or from a
--config file in TOML or JSONC, under its name without the dashes. Flags win over the environment,
the environment over the file; --print-config shows what came from where.
`
    : "";
  return `${words.length === 0 ? "" : `\nCommands:\n${words.join("")}`}
Examples:
${lines.join("\n")}
${sources}${name} exits with 0 ${
    lasting ? "after a clean stop" : "when all went well"
  }, 1 on a failure, 2 on bad options.
`;
}

/** Commander's name for the value of a flag. */
function camelCase(key: string): string {
  return key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
