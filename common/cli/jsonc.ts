/**
 * JSON with comments, and with the place of each key.
 *
 * @module
 */

import { getNodeValue, type Node, type ParseError, parseTree } from "jsonc-parser";
import { printParseErrorCode } from "jsonc-parser";
import type { Entry, Place } from "./config_file.ts";
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
  const place = placesOf(text);
  const [first] = errors;
  if (first !== undefined) {
    const { line, column } = place(first.offset);
    const what = printParseErrorCode(first.error);
    throw new UsageError(`${path}:${line}:${column}: not well-formed JSON: ${what}`);
  }
  if (root?.type !== "object") throw new UsageError(`${path}: expected an object of options`);
  return (root.children ?? []).map((property) => ({
    key: String(property.children![0]!.value),
    value: getNodeValue(property.children![1]!),
    ...place(property.offset),
    within: (path) => place(find(property, path).offset),
  }));
}

/** Looks for a part of the value of a property, as far as there is one. */
function find(property: Node, path: readonly PropertyKey[]): Node {
  let found = property;
  for (const step of path) {
    const value: Node | undefined = found.type === "property" ? found.children?.[1] : found;
    const next = typeof step === "number"
      ? value?.children?.[step]
      : value?.children?.find(({ children }) => children?.[0]?.value === step);
    if (next === undefined) return found;
    found = next;
  }
  return found;
}

/** Lines and columns by offset. */
function placesOf(text: string): (offset: number) => Place {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
}
