/**
 * Foreign JSON, read without trust: what is not of the kind that was expected is as good as absent.
 *
 * @module
 */

import type { Json } from "./mod.ts";

/** The members of an object; none for what is no object. */
export function fields(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}

/** The objects of a list; none for what is no list. */
export function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

/** A text; empty for what is none. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A text in one line, of at most so many characters. */
export function oneLine(value: string, max = 300): string {
  const line = value.replaceAll(/\s+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max)}…` : line;
}

/** The members of these names that are numbers, under new names. */
export function numbers<T extends string>(value: Json, names: Record<string, T>): {
  [name in T]?: number;
} {
  const found: { [name in T]?: number } = {};
  for (const [name, as] of Object.entries(names)) {
    const number = value[name];
    if (typeof number === "number") found[as] = number;
  }
  return found;
}
