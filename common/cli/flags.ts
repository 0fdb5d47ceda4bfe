/**
 * The command line: a `--help` that teaches, and the flags that were given.
 *
 * @module
 */

import { Command, CommanderError, Option as Flag } from "@std/cli";
import { type Options, type Source, UsageError, variable } from "./options.ts";

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
}

/** What the command line asked for. */
export type CommandLine =
  | { kind: "run"; flags: Source }
  /** `--help` or `--version`: print this and be done. */
  | { kind: "print"; text: string };

/**
 * Reads the command line.
 *
 * @throws {UsageError} on an unknown flag or a missing value.
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
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => printed += text,
      writeErr: () => {},
      getOutHasColors: () => false,
      getOutHelpWidth: () => 96,
    });
  for (const [key, option] of Object.entries(options)) addFlag(command, key, option);
  command.addHelpText("after", () => epilogue(about, options));
  // Other task runners want `--` in front of the flags; a deno task passes it on.
  const given = args[0] === "--" ? args.slice(1) : args;
  try {
    command.parse([...given], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "print", text: printed };
    throw new UsageError(
      `${error.message.replace(/^error: /, "")}\nSee ${about.name} --help.`,
    );
  }
  const values = command.opts();
  return {
    kind: "run",
    flags: {
      describe: (key) => `--${key}`,
      get: (key) => {
        const name = camelCase(key);
        return command.getOptionValueSource(name) === "cli" ? values[name] : undefined;
      },
    },
  };
}

function addFlag(command: Command, key: string, option: Options[string]): void {
  const flag = new Flag(`--${key}${option.arg === undefined ? "" : ` ${option.arg}`}`, option.about)
    .helpGroup(option.group);
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
  const words = commands.map(([word, about]) => `  ${name} ${word}  ${about}\n`);
  const lines = examples.map(([command, why]) => `  # ${why}\n  $ ${command}\n`);
  const [key = ""] = Object.keys(options);
  return `${words.length === 0 ? "" : `\nCommands:\n${words.join("")}`}
Examples:
${lines.join("\n")}
Every option can also come from the environment (--${key} is ${variable(prefix, key)}), or from a
--config file in TOML or JSONC, under its name without the dashes. Flags win over the environment,
the environment over the file.
${name} exits with 0 after a clean stop, 1 on a failure, 2 on bad options.
`;
}

/** Commander's name for the value of a flag. */
function camelCase(key: string): string {
  return key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
