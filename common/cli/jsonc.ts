/**
 * JSON with comments, and with the place of each key.
 *
 * @module
 */

import { getNodeValue, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Entry } from "./config_file.ts";
import { UsageError } from "./usage.ts";

/**
 * The keys of the object, one that stands there twice twice.
 *
 * @param path for errors.
 * @throws {UsageError} when it is not well-formed, or no object.
 */
export function parse(path: string, text: string): Entry[] {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const place = (offset: number) => {
    const lines = text.slice(0, offset).split("\n");
    return { line: lines.length, column: lines.at(-1)!.length + 1 };
  };
  const [first] = errors;
  if (first !== undefined) {
    const { line, column } = place(first.offset);
    const what = printParseErrorCode(first.error);
    const hint = /\.jsonc?$/i.test(path) ? "" : "\nThe name of a file in TOML ends in .toml.";
    throw new UsageError(`${path}:${line}:${column}: not well-formed JSON: ${what}${hint}`);
  }
  if (root?.type !== "object") throw new UsageError(`${path}: expected an object of options`);
  return (root.children ?? []).map(({ offset, children: [key, value] = [] }) => ({
    key: String(key!.value),
    value: getNodeValue(value!),
    ...place(offset),
  }));
}
