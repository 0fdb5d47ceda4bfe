/**
 * The text of `--help`, laid out for the terminal it is read on.
 *
 * @module
 */

import type { Help, Option as Flag } from "@std/cli";
import { z } from "zod";
import { variable } from "./environment.ts";
import type { About } from "./flags.ts";
import type { Option, Options } from "./options.ts";
import { RUNNING } from "./running.ts";

/** Columns of what goes to a pipe or a file. */
const PIPED = 80;
/** Lines longer than that are hard to read, however wide the terminal is. */
const MAX = 100;
const MIN = 40;
/** Fewer columns leave no room for two of text. */
const TWO_COLUMNS = 72;
/** Where descriptions begin, in two columns and in one. */
const [BESIDE, BELOW] = [32, 6];

/** How many columns a text for people may have. */
export function helpColumns(): number {
  if (!Deno.stdout.isTerminal()) return PIPED;
  const { columns } = Deno.consoleSize();
  // Some have no size at all.
  return columns === 0 ? PIPED : Math.min(Math.max(columns, MIN), MAX);
}

/** Breaks text between words, at its line ends as well. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(" ")) {
      const line = lines.at(-1)!;
      if (line === "") lines[lines.length - 1] = word;
      else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
      else lines.push(word);
    }
    return lines;
  });
}

/** A term, and what it is: beside it, or below where there is no room. */
export function item(term: string, about: string, columns: number): string {
  const start = columns < TWO_COLUMNS ? BELOW : BESIDE;
  const lines = wrap(about, columns - start)
    // What must stay together was held by such spaces.
    .map((line) => " ".repeat(start) + line.replaceAll("\u00a0", " "));
  const beside = term.length + 4 <= start;
  if (beside) lines[0] = `  ${term}`.padEnd(start) + lines[0]!.slice(start);
  return (beside ? lines : [`  ${term}`, ...lines]).join("\n");
}

/** What commander is to do otherwise. */
export function layout(options: Options): Partial<Help> {
  return {
    formatItem: (term, _width, about, { helpWidth = PIPED }) => item(term, about, helpWidth),
    optionDescription: (flag) => describe(flag, options),
    boxWrap: (text, width) => wrap(text, width).join("\n"),
  };
}

function describe({ description, long, negate }: Flag, options: Options): string {
  const option = negate ? undefined : options[long!.slice(2)];
  const fallback = option === undefined ? "" : defaultOf(option);
  return fallback === "" ? description : `${description} (default:\u00a0${fallback})`;
}

/** A default as one would write it; empty for one that goes without saying. */
function defaultOf({ default: fallback, list, schema }: Option): string {
  if (fallback === undefined || fallback === false || fallback === "" || list) return "";
  return String(z.encode(schema(), fallback));
}

/** What follows the options: words, examples, sources, exit codes. */
export function epilogue(about: About, options: Options, columns: number): string {
  const { name, examples, commands = [], exits = EXITS } = about;
  const words = commands.map(([word, about]) => item(`${name} ${word}`, about, columns));
  const shown = examples.map(([command, why]) =>
    [...wrap(why, columns - 4).map((line) => `  # ${line}`), ...shell(command, columns)].join("\n")
  );
  return [
    ...(words.length > 0 ? ["Commands:\n" + words.join("\n")] : []),
    ...(shown.length > 0 ? ["Examples:\n" + shown.join("\n\n")] : []),
    [...sources(about, options), `${name} exits with ${exits}.`]
      .flatMap((paragraph) => wrap(paragraph, columns)).join("\n"),
  ].map((part) => `\n${part}`).join("\n");
}

const EXITS = "0 when all went well, 1 on a failure, 2 on bad options";

/** A command line for a shell, in lines that one can still copy as a whole. */
function shell(command: string, columns: number): string[] {
  const words = command.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  const lines = [""];
  for (const word of words) {
    const line = lines.at(-1)!;
    // Four in front, and behind it what says that it goes on.
    if (line === "" || line.length + 1 + word.length <= columns - 6) {
      lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    } else lines.push(word);
  }
  const last = lines.length - 1;
  return lines.map((line, at) => `${at === 0 ? "  $ " : "    "}${line}${at < last ? " \\" : ""}`);
}

/** Where options come from, unless they are all for one run. */
function sources({ prefix }: About, options: Options): string[] {
  const key = Object.keys(options).find((key) => !options[key]?.once && key !== "config");
  if (key === undefined || options[key]?.group === RUNNING) return [];
  return [
    `Every option can also come from the environment (--${key} is ${variable(prefix, key)}), or ` +
    "from a --config file in TOML or JSONC, under its name without the dashes. Flags win over the " +
    "environment, the environment over the file; --print-config shows what came from where.",
  ];
}
