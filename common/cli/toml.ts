/**
 * TOML with the place of each key.
 *
 * @module
 */

import { type AST, getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser";
import { reason } from "../errors.ts";
import type { Entry, Place } from "./config_file.ts";
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
    let places: Map<string, Place> | undefined;
    const within = (path: readonly PropertyKey[]) => {
      places ??= placesOf(program);
      for (let end = path.length; end > 1; end--) {
        const place = places.get(nameOf(path.slice(0, end)));
        if (place !== undefined) return place;
      }
      return undefined;
    };
    for (const node of program.body[0].body) {
      const [first] = node.key.keys;
      if (first === undefined) continue;
      const key = first.type === "TOMLBare" ? first.name : first.value;
      // Further tables, or dotted keys, below the same name.
      if (entries.has(key)) continue;
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      const place = placeOf(first);
      entries.set(key, {
        key,
        value,
        ...place,
        within: (path) => within([key, ...path]) ?? place,
      });
    }
    return [...entries.values()];
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const place = `${path}:${error.lineNumber}:${error.column + 1}`;
    throw new UsageError(`${place}: not well-formed TOML: ${reason(error)}`);
  }
}

/** Where everything stands that has a name or a number. */
function placesOf(program: AST.TOMLProgram): Map<string, Place> {
  const places = new Map<string, Place>();
  const enter = (path: readonly PropertyKey[], node: AST.TOMLNode) => {
    const name = nameOf(path);
    if (!places.has(name)) places.set(name, placeOf(node));
  };
  const pairs = (nodes: readonly AST.TOMLKeyValue[], base: readonly PropertyKey[]) => {
    for (const { key, value } of nodes) {
      const path = [...base, ...key.keys.map((one) => "name" in one ? one.name : one.value)];
      enter(path, key);
      content(value, path);
    }
  };
  const content = (node: AST.TOMLContentNode, path: readonly PropertyKey[]) => {
    if (node.type === "TOMLInlineTable") pairs(node.body, path);
    if (node.type !== "TOMLArray") return;
    for (const [nth, element] of node.elements.entries()) {
      enter([...path, nth], element);
      content(element, [...path, nth]);
    }
  };
  for (const node of program.body[0].body) {
    if (node.type !== "TOMLTable") {
      pairs([node], []);
      continue;
    }
    enter(node.resolvedKey, node);
    pairs(node.body, node.resolvedKey);
  }
  return places;
}

function nameOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path);
}

function placeOf({ loc }: AST.TOMLNode): Place {
  return { line: loc.start.line, column: loc.start.column + 1 };
}
