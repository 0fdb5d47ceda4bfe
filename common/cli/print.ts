/**
 * `--print-config`: what a program would run with, as a file that it takes, and where each value came
 * from.
 *
 * @module
 */

import { z } from "zod";
import type { Option, Options } from "./options.ts";
import { type Source, sourceOf, withoutPassword } from "./resolve.ts";

/** The forms it can have; the first is the one for no word. */
export const CONFIG_FORMATS = ["toml", "jsonc", "json"] as const;

/** TOML and JSONC say where values come from; JSON, which has no comments, is for programs. */
export type ConfigFormat = typeof CONFIG_FORMATS[number];

/** A line of it. */
interface Line {
  key: string;
  /** As a file has it; undefined for what is not shown. */
  value: string | undefined;
  origin: string;
  group: string;
}

/**
 * The file. What is secret, or names a client, is left out, so that it can be shown to others;
 * options that have no value are left out as well.
 *
 * @param values what `sources` resolved to.
 */
export function printConfig(
  name: string,
  options: Options,
  sources: readonly Source[],
  values: Record<string, unknown>,
  format: ConfigFormat,
): string {
  const lines = Object.entries(options)
    .filter(([key, { once }]) => !once && values[key] !== undefined)
    .filter(([key]) => isUsed(key, options, sources))
    .map(([key, option]) => line(key, option, values[key], sourceOf(key, sources)));
  if (format === "json") {
    const shown = lines.filter(({ value }) => value !== undefined);
    return `{\n${shown.map(({ key, value }) => `  "${key}": ${value}`).join(",\n")}\n}\n`;
  }
  return format === "toml" ? toml(name, lines) : jsonc(name, lines);
}

/** Of a secret and the file with it, only the one that counts. */
function isUsed(key: string, options: Options, sources: readonly Source[]): boolean {
  const holder = Object.keys(options).find((one) => options[one]?.holds === key);
  const secret = options[key]?.holds ?? key;
  const file = holder ?? key;
  if (secret === file) return true;
  const source = sourceOf(secret, sources);
  const fromFile = source !== undefined && source.get(file) !== undefined;
  return fromFile === (key === file);
}

function line(key: string, option: Option, value: unknown, source: Source | undefined): Line {
  const origin = source === undefined ? "default" : (source.origin ?? source.describe)(key);
  const typed = z.encode(option.schema(), value);
  const json = Array.isArray(typed)
    ? `[${typed.map((item) => JSON.stringify(item)).join(", ")}]`
    : JSON.stringify(typed);
  const hidden = option.secret || (option.private && source !== undefined) ||
    withoutPassword(json) !== json;
  // TOML wants one character more escaped than JSON, which may have it escaped.
  const shown = hidden ? undefined : json.replaceAll("\x7f", "\\u007f");
  return { key, value: shown, origin: origin.replaceAll(/\s+/g, " "), group: option.group };
}

function toml(name: string, lines: readonly Line[]): string {
  const text = byGroup(lines).map(([group, lines]) =>
    `\n# ${group}\n` +
    lines.map(({ key, value, origin }) =>
      value === undefined
        ? `# ${key} = (not shown) # ${origin}\n`
        : `${key} = ${value} # ${origin}\n`
    ).join("")
  );
  return `# What ${name} would run with, and where each value came from.\n${text.join("")}`;
}

function jsonc(name: string, lines: readonly Line[]): string {
  const text = byGroup(lines).map(([group, lines]) =>
    `\n  // ${group}\n` +
    lines.map(({ key, value, origin }) =>
      value === undefined
        ? `  // "${key}": (not shown) // ${origin}\n`
        : `  "${key}": ${value}, // ${origin}\n`
    ).join("")
  );
  return `// What ${name} would run with, and where each value came from.\n{${text.join("")}}\n`;
}

function byGroup(lines: readonly Line[]): [group: string, lines: Line[]][] {
  return [...Map.groupBy(lines, ({ group }) => group)];
}
