/**
 * The options of all programs as a page: `docs/options.md`, made of the tables that the programs read
 * their flags by.
 *
 * @module
 */
import {
  type About,
  type Family,
  type Option,
  type Options,
  optionVariables,
  RUNNING_OPTIONS,
} from "@agentx/common/cli";
import { z } from "zod";

/** A program, whether it stands behind a word or not. */
interface Program {
  about: About;
  options: Options;
}

const PREAMBLE = `# Options

All options of both programs and their words. \`deno task schema\` writes this page from the tables that the
programs read, and a test compares the two. \`--help\` of each says the same;
[configuration.md](configuration.md) says how flags, variables and files go together.

An option \`--pool-size\` is \`ARPS_POOL_SIZE\` in the environment, for all that \`arpc\` does \`ARPC_…\`, and
\`pool-size\` in a file. Those with † say what to do with one run, and stand in no file. An option that is
repeatable takes several values with commas between them in the environment, and an array in a file.`;

/** The page, formatted as `deno fmt` would. */
export function optionsPage(families: readonly Family[]): string {
  const programs: Program[] = families.flatMap(({ about, options, words }) => [
    { about, options },
    ...words,
  ]);
  const logs = programs.filter(({ options }) => Object.hasOwn(options, "log-level"));
  return [
    PREAMBLE,
    programs.map(({ about: { name } }) => `[${name}](#${name.replaceAll(" ", "-")})`).join(" ·\n"),
    ...programs.flatMap(sections),
    "## Running",
    `All programs have these; those of the log are for ${names(logs)}.`,
    table({ about: programs[0]!.about, options: RUNNING_OPTIONS }, Object.keys(RUNNING_OPTIONS)),
  ].join("\n\n") + "\n";
}

function sections(program: Program): string[] {
  const { about: { name, summary }, options } = program;
  const groups = Object.groupBy(
    Object.keys(options).filter((key) => !Object.hasOwn(RUNNING_OPTIONS, key)),
    (key) => options[key]!.group,
  );
  const tables = Object.entries(groups).flatMap(([group, keys = []]) => [
    `**${group}**`,
    table(program, keys),
  ]);
  return [`## ${name}`, prose(summary), ...tables];
}

function names(programs: readonly Program[]): string {
  const quoted = programs.map(({ about: { name } }) => `\`${name}\``);
  return `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

function table(program: Program, keys: readonly string[]): string {
  return aligned([
    ["option", "what", "value", "default"],
    ...keys.map((key) => row(program, key, program.options[key]!)),
  ]);
}

function row({ about }: Program, key: string, option: Option): string[] {
  const { arg, once, default: fallback } = option;
  const flag = arg === undefined && fallback === true ? `--[no-]${key}` : `--${key}`;
  const operand = key === about.operand ? ", or as a word" : "";
  return [
    `\`${flag}\`${operand}${once ? " †" : ""}`,
    prose(option.about + alias(about, key, option)),
    prose(valueOf(option)),
    defaultOf(option),
  ];
}

function valueOf({ arg, expects }: Option): string {
  if (arg === undefined) return "";
  return expects === "some text" ? arg : expects;
}

/** The variable that it has besides its own, unless the option says so itself. */
function alias(about: About, key: string, option: Option): string {
  const [, second] = optionVariables(about, { [key]: option });
  return second === undefined || option.about.includes(second) ? "" : `; also in ${second}`;
}

function defaultOf({ default: fallback, list, schema }: Option): string {
  if (fallback === undefined || fallback === "" || list) return "";
  if (typeof fallback === "boolean") return fallback ? "on" : "off";
  return prose(String(z.encode(schema(), fallback)));
}

/** Flags, variables and what means something in Markdown, as code. */
function prose(text: string): string {
  const code =
    /https?:\/\/\S*[\w\]]|--[a-z][a-z-]+|\b[A-Z]+(?:_[A-Z]+)+\b|[^\s,:;()]*[*|<>][^\s,:;()]*/g;
  return text.replaceAll(code, (found) => `\`${found.replaceAll("|", "\\|")}\``);
}

/** Rows as a table whose columns stand below each other; the first row is its head. */
function aligned(rows: readonly string[][]): string {
  const columns = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length), 3));
  const line = (cells: readonly string[], fill: string) =>
    `| ${cells.map((cell, at) => cell.padEnd(columns[at]!, fill)).join(" | ")} |`;
  const [head = [], ...body] = rows.map((row) => line(row, " "));
  return [head, line(columns.map(() => ""), "-"), ...body].join("\n");
}
