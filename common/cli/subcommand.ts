/**
 * Programs behind a word: `arpc connect`, `arps cert`.
 *
 * @module
 */

import type { About } from "./flags.ts";
import { launchProgram, permissionFlags, type Permissions } from "./launch.ts";
import type { Option, Options, Values } from "./options.ts";
import type { ConfigFormat } from "./print.ts";
import { readOptions, type Request } from "./request.ts";
import type { RUNNING_OPTIONS } from "./running.ts";
import { UsageError } from "./usage.ts";

/** What every such program can be told. */
type Least =
  & Options
  & Pick<typeof RUNNING_OPTIONS, "config" | "print-config" | "print-permissions">;

/** A program behind a word, or two: `token create`. */
export interface Subcommand<O extends Least = Least> {
  /** As it is typed, one space between words. */
  readonly word: string;
  /** A line for the help of the program it belongs to. */
  readonly brief: string;
  /** For its own help. */
  readonly about: About;
  readonly options: O;
  /** What a run with these options needs. */
  permissions(values: Values<O>): Permissions | Promise<Permissions>;
  /** Does it; large modules are imported here. */
  run(values: Values<O>): Promise<void>;
}

/** Fixes the types of one program. */
export function subcommand<O extends Least>(one: Subcommand<O>): Subcommand {
  return one as unknown as Subcommand;
}

/** Such a program, as a command line asked for it. */
export interface Asked {
  program: Subcommand;
  /** What followed the word. */
  args: readonly string[];
  /** Keys that a configuration file may have for others of the family. */
  others: readonly string[];
}

/** All keys of a family's options. */
export function keysOf(all: readonly Subcommand[], own: Options = {}): string[] {
  return [own, ...all.map(({ options }) => options)].flatMap((options) =>
    Object.keys(options).filter((key) => !options[key]?.once)
  );
}

/**
 * The program that a command line asks for; undefined when it is the one without a word.
 *
 * @param own the options of that one: a configuration file is for the whole family.
 * @throws {UsageError} when there are only programs behind two words, and the second is missing.
 */
export function findSubcommand(
  all: readonly Subcommand[],
  args: readonly string[],
  own: Options = {},
): Asked | undefined {
  // Other task runners want `--` in front of everything.
  const rest = args[0] === "--" ? args.slice(1) : args;
  const begins = (word: string) => word.split(" ").every((part, at) => part === rest[at]);
  const program = all.find(({ word }) => begins(word));
  if (program !== undefined) {
    return {
      program,
      args: rest.slice(program.word.split(" ").length),
      others: keysOf(all, own),
    };
  }
  const near = all.filter(({ word }) => rest[0] !== undefined && word.startsWith(`${rest[0]} `));
  if (near.length === 0) return undefined;
  const found = rest[1] === undefined ? "nothing" : `"${rest[1]}"`;
  const seconds = near.map(({ word }) => word.split(" ")[1]);
  const help = near.map(({ about, brief }) => `  ${about.name}  ${brief}`);
  throw new UsageError(
    `${rest[0]}: expected ${seconds.join(", ")} after it, found ${found}\n${help.join("\n")}`,
  );
}

/** Reads the options of such a program. */
function read({ program, others }: Asked) {
  return (args: readonly string[]): Promise<Request<Options & Config>> =>
    readOptions(program.about, program.options, args, { others });
}
type Config = { "config": Option<string>; "print-config": Option<ConfigFormat> };

/**
 * Runs such a program in this process.
 *
 * @throws {UsageError} on options it cannot use.
 */
export async function runSubcommand(asked: Asked): Promise<void> {
  const { program, args } = asked;
  const print = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(text));
  const request = await read(asked)(args);
  if (request.kind === "print") return print(request.text);
  const values = request.values as Values<Least>;
  if (!values["print-permissions"]) return await program.run(values);
  print(permissionFlags(await program.permissions(values)).join("\n") + "\n");
}

/**
 * Runs such a program in a Deno of its own, under exactly the permissions it needs.
 *
 * @param main the module of the program it belongs to.
 * @returns its exit code.
 */
export function launchSubcommand(main: URL, asked: Asked): Promise<number> {
  const { program, args } = asked;
  return launchProgram(
    program.about.name,
    main,
    args,
    read(asked),
    (values) => program.permissions(values as Values<Least>),
    program.word.split(" "),
  );
}
