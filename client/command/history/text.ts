/**
 * Titles out of prompts, and the small checks on JSON that has no schema.
 *
 * @module
 */

/** Longest title, in characters. */
const TITLE_LENGTH = 200;
/** How much of a prompt is looked at for its title, in UTF-16 units: leading blanks are few. */
const LOOKED_AT = 4 * TITLE_LENGTH;

/** A JSON object of whatever shape. */
export type Json = Record<string, unknown>;

/** The value, when it is an object and no array. */
export function object(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Json
    : undefined;
}

/** The value, when it is text with something in it. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A time as ISO 8601, from that or from milliseconds; null for anything else. */
export function time(value: unknown): string | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** The texts in a message's content: a string, or a list of parts with texts among other things. */
export function textsIn(content: unknown): string[] {
  const parts = Array.isArray(content) ? content.map((part) => object(part)?.text) : [content];
  return parts.filter((part) => typeof part === "string" && part.trim() !== "") as string[];
}

/** Text on one line, cut to the length of a title; empty when nothing is left. */
export function oneLine(value: string | undefined): string {
  if (value === undefined) return "";
  // deno-lint-ignore no-control-regex
  const line = value.trimStart().slice(0, LOOKED_AT).replace(/[\s\u0000-\u001f\u007f]+/g, " ")
    .trim();
  const characters = [...line];
  const cut = characters.length > TITLE_LENGTH
    ? `${characters.slice(0, TITLE_LENGTH - 1).join("").trimEnd()}…`
    : line;
  return detach(cut);
}

/** Copies a string: one cut out of another keeps that alive, which may be megabytes. */
function detach(value: string): string {
  return JSON.parse(JSON.stringify(value));
}
