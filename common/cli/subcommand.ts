/**
 * Programs behind a word: `arpc connect`, `arps cert`.
 *
 * @module
 */

import { type About, parseFlags, seeHelp } from "./flags.ts";
import { launchProgram, permissionFlags, type Permissions } from "./launch.ts";
import type { Option, Options, Values } from "./options.ts";
import { complain, print } from "./output.ts";
import type { ConfigFormat } from "./print.ts";
import { readOptions, type Request } from "./request.ts";
import type { RUNNING_OPTIONS } from "./running.ts";
import { UsageError, usageError } from "./usage.ts";

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
  /** What is wrong with values that are good one by one; that nothing is given is not. */
  agree?(values: Values<O>): readonly string[];
  /** What a run with these options needs. */
  permissions(values: Values<O>): Permissions | Promise<Permissions>;
  /** Does it; large modules are imported here. */
  run(values: Values<O>): Promise<void>;
}

/** Fixes the types of one program. */
export function subcommand<O extends Least>(one: Subcommand<O>): Subcommand {
  return one as unknown as Subcommand;
}

/** A program, and those behind words of it. */
export interface Family {
  readonly about: About;
  readonly options: Options;
  readonly words: readonly Subcommand[];
  /** A sentence for each first word of those that have two. */
  readonly groups?: Readonly<Record<string, string>>;
}

/** Which program a command line asks for, and what is left for that to read. */
export type Asked =
  /** The one without a word. */
  | { kind: "own"; args: readonly string[] }
  | { kind: "word"; family: Family; program: Subcommand; args: readonly string[] }
  /** A first word alone: there is only help. */
  | { kind: "group"; about: About; args: readonly string[] };

/** {@link Asked}, but for the program without a word. */
export type AskedWord = Exclude<Asked, { kind: "own" }>;

/** The options of all, whose keys one file may have. */
export function tablesOf({ options, words }: Pick<Family, "options" | "words">): Options[] {
  return [options, ...words.map(({ options }) => options)];
}

/** Finds the program that a command line asks for; `help` and `version` do as words, too. */
export function findProgram(family: Family, args: readonly string[]): Asked {
  // Other task runners want `--` in front of everything.
  const rest = args[0] === "--" ? args.slice(1) : args;
  const [first, second] = rest;
  if (first === "version" && rest.length === 1) return { kind: "own", args: ["--version"] };
  const asksHelp = ["help", "--help", "-h"].includes(first ?? "");
  // `help cert` and `--help cert` are `cert --help`.
  if (asksHelp && (second !== undefined || first === "help")) {
    const asked = findProgram(family, rest.slice(1));
    const known = asked.kind !== "own" || second === undefined;
    return known ? { ...asked, args: ["--help"] } : asked;
  }
  const begins = ({ word }: Subcommand) => word.split(" ").every((part, at) => part === rest[at]);
  const program = family.words.find(begins);
  if (program !== undefined) {
    const left = rest.slice(program.word.split(" ").length);
    return { kind: "word", family, program, args: helpFor(program.about, left) };
  }
  const members = family.words.filter(({ word }) => word.startsWith(`${first} `));
  if (first === undefined || members.length === 0) return { kind: "own", args: rest };
  const about = groupAbout(family, first, members);
  return { kind: "group", about, args: helpFor(about, rest.slice(1)) };
}

/** The word `help` as the flag, where it cannot be anything else. */
function helpFor({ operand }: About, args: readonly string[]): readonly string[] {
  return args[0] === "help" && operand === undefined ? ["--help"] : args;
}

function groupAbout(
  { about: { name, version, prefix }, groups = {} }: Family,
  word: string,
  members: readonly Subcommand[],
): About {
  return {
    name: `${name} ${word}`,
    version,
    prefix,
    summary: groups[word] ?? "",
    examples: members.flatMap(({ about }) => about.examples.slice(0, 1)),
    commands: members.map((one) => [one.word.slice(word.length + 1), one.brief]),
  };
}

/** Reads the options of such a program. */
function read(asked: AskedWord) {
  return async (args: readonly string[]): Promise<Request<Options & Config>> => {
    if (asked.kind === "group") return { kind: "print", text: helpOf(asked.about, args) };
    const { family, program: { about, options, agree } } = asked;
    const more = { family: tablesOf(family), ...(agree === undefined ? {} : { agree }) };
    return await readOptions(about, options, args, more);
  };
}
type Config = { "config": Option<string>; "print-config": Option<ConfigFormat> };

/**
 * The help of a group.
 *
 * @throws {UsageError} when something else was asked for, or nothing.
 */
function helpOf(about: About, args: readonly string[]): string {
  const line = parseFlags(about, {}, args);
  if (line.kind === "print") return line.text;
  const { problems = [] } = line.flags;
  if (problems.length > 0) throw usageError(problems, seeHelp(about));
  const help = parseFlags(about, {}, ["--help"]);
  const words = (about.commands ?? []).map(([word]) => word).join(", ");
  const text = help.kind === "print" ? `\n\n${help.text.trimEnd()}` : "";
  throw new UsageError(`expected one of ${words} after it, found nothing${text}`);
}

function nameOf(asked: AskedWord): string {
  return (asked.kind === "group" ? asked : asked.program).about.name;
}

/**
 * Runs such a program in this process.
 *
 * @returns the exit code; a failure was told on standard error.
 */
export async function runSubcommand(asked: AskedWord): Promise<number> {
  try {
    const request = await read(asked)(asked.args);
    if (request.kind === "print") print(request.text);
    else if (asked.kind === "word") await runWith(asked.program, request.values as Values<Least>);
    return 0;
  } catch (error) {
    return complain(nameOf(asked), error);
  }
}

async function runWith(program: Subcommand, values: Values<Least>): Promise<void> {
  if (!values["print-permissions"]) return await program.run(values);
  print(permissionFlags(await program.permissions(values)).join("\n") + "\n");
}

/**
 * Runs such a program in a Deno of its own, under exactly the permissions it needs.
 *
 * @param main the module of the program it belongs to.
 * @returns its exit code.
 */
export function launchSubcommand(main: URL, asked: AskedWord): Promise<number> {
  const program = asked.kind === "word" ? asked.program : undefined;
  return launchProgram(
    nameOf(asked),
    main,
    asked.args,
    read(asked),
    (values) => program?.permissions(values as Values<Least>) ?? {},
    program?.word.split(" "),
  );
}
