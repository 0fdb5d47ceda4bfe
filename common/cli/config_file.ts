/**
 * Configuration files: TOML, or JSON with comments.
 *
 * @module
 */

import { reason } from "../errors.ts";
import type { Options } from "./options.ts";
import type { Source } from "./resolve.ts";
import { nearest, UsageError } from "./usage.ts";

/** Where something stands in a file, both counted from 1. */
export interface Place {
  line: number;
  column: number;
}

/** A key of a file, and where it stands. */
export interface Entry extends Place {
  key: string;
  value: unknown;
  /** Where a part of the value stands, or else what it is missing from. */
  within(path: readonly PropertyKey[]): Place;
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
 * The keys of the top level of a file, TOML or JSONC.
 *
 * @throws {UsageError} when it is not well-formed.
 */
export async function parseKeys(path: string, text: string): Promise<Entry[]> {
  const plain = text.replace(/^\uFEFF/, "");
  // Whoever has no such file need not pay for its parser.
  const { parse } = await (isToml(path, plain) ? import("./toml.ts") : import("./jsonc.ts"));
  return parse(path, plain);
}

/** By its name, or by what it begins with: an object of JSON, or a comment as JSONC has them. */
function isToml(path: string, text: string): boolean {
  const [, ending] = /\.(toml|jsonc?)$/i.exec(path) ?? [];
  return ending === undefined ? !/^\s*(?:\{|\/[/*])/.test(text) : ending.toLowerCase() === "toml";
}

function problemOf(
  { key, value }: Entry,
  options: Options,
  elsewhere: ReadonlySet<string>,
  before: Entry | undefined,
): string | undefined {
  if (before !== undefined) return `"${key}" stands in line ${before.line} already`;
  const option = Object.hasOwn(options, key) ? options[key] : undefined;
  if (option?.once) return `"${key}" is for the command line, and no key of a file`;
  if (option !== undefined || elsewhere.has(key)) return undefined;
  // A section of TOML, or an object within that of JSON.
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return `"${key}" is no option: options stand at the top, in no section`;
  }
  const known = Object.keys(options).filter((one) => !options[one]?.once);
  const meant = nearest(key, known);
  return `"${key}" is no option` +
    (meant === undefined ? "; --help has them all" : `; did you mean "${meant}"?`);
}
