/**
 * Configuration files: TOML, or JSON with comments.
 *
 * @module
 */

import { reason } from "../errors.ts";
import type { Options } from "./options.ts";
import type { Source } from "./resolve.ts";
import { nearest, UsageError } from "./usage.ts";

/** A key of a file, and where it stands, both counted from 1. */
export interface Entry {
  key: string;
  value: unknown;
  line: number;
  column: number;
}

/** What tells an editor which schema a file has. */
const SCHEMA_KEY = "$schema";

/**
 * Reads a file whose keys are the names of options.
 *
 * @param others keys that are allowed and left alone: one file serves a program and all its words.
 * @throws {UsageError} when it cannot be read or is not well-formed.
 */
export async function configFile(
  path: string,
  options: Options,
  others: Iterable<string> = [],
): Promise<Source> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read --config ${path}: ${reason(error)}`);
  }
  const entries = new Map<string, Entry>();
  const problems: string[] = [];
  const elsewhere = new Set([SCHEMA_KEY, ...others]);
  for (const entry of await parseKeys(path, text)) {
    const wrong = problemOf(entry, options, elsewhere, entries.get(entry.key));
    if (wrong !== undefined) problems.push(`${path}:${entry.line}:${entry.column}: ${wrong}`);
    else entries.set(entry.key, entry);
  }
  const at = (key: string) => entries.get(key)!;
  return {
    describe: (key) => `${path}:${at(key).line}:${at(key).column}: "${key}"`,
    origin: (key) => `${path}:${at(key).line}`,
    get: (key) => entries.get(key)?.value,
    problems,
  };
}

/**
 * The keys of the top level of a file, TOML by its name or else JSONC.
 *
 * @throws {UsageError} when it is not well-formed.
 */
export async function parseKeys(path: string, text: string): Promise<Entry[]> {
  // Whoever has no such file need not pay for its parser.
  const { parse } = await (/\.toml$/i.test(path) ? import("./toml.ts") : import("./jsonc.ts"));
  return parse(path, text.replace(/^\uFEFF/, ""));
}

function problemOf(
  { key }: Entry,
  options: Options,
  elsewhere: ReadonlySet<string>,
  before: Entry | undefined,
): string | undefined {
  if (before !== undefined) return `"${key}" stands in line ${before.line} already`;
  const option = Object.hasOwn(options, key) ? options[key] : undefined;
  if (option?.once) return `"${key}" is for the command line, and no key of a file`;
  if (option !== undefined || elsewhere.has(key)) return undefined;
  const known = Object.keys(options).filter((one) => !options[one]?.once);
  const meant = nearest(key, known);
  return `"${key}" is no option` +
    (meant === undefined ? "; --help has them all" : `; did you mean "${meant}"?`);
}
