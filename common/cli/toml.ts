/**
 * TOML with the place of each key.
 *
 * @module
 */

import { getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser";
import { reason } from "../errors.ts";
import type { Entry } from "./config_file.ts";
import { UsageError } from "./usage.ts";

/**
 * The keys of the top level; a table is one with all that is in it.
 *
 * @param path for errors.
 * @throws {UsageError} when it is not well-formed.
 */
export function parse(path: string, text: string): Entry[] {
  try {
    const program = parseTOML(text, { tomlVersion: "1.0" });
    const values: Record<string, unknown> = getStaticTOMLValue(program);
    const entries = new Map<string, Entry>();
    for (const node of program.body[0].body) {
      const [first] = node.key.keys;
      if (first === undefined) continue;
      const key = first.type === "TOMLBare" ? first.name : first.value;
      const { line, column } = first.loc.start;
      // Further tables, or dotted keys, below the same name.
      if (entries.has(key)) continue;
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      entries.set(key, { key, value, line, column: column + 1 });
    }
    return [...entries.values()];
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const place = `${path}:${error.lineNumber}:${error.column + 1}`;
    throw new UsageError(`${place}: not well-formed TOML: ${reason(error)}`);
  }
}
