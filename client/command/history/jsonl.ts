/**
 * JSON lines, read with little memory: one chunk and one line at a time.
 *
 * @module
 */

import { type Json, object } from "./text.ts";

/** Longest line that is read, in bytes; a longer one is skipped without being held. */
export const MAX_LINE = 16 * 1024 * 1024;
/** How deep a record may nest; recursion elsewhere stays far from its end. */
const MAX_DEPTH = 500;

const LF = 10;
const decoder = new TextDecoder();

/** A line and where it stands. */
export interface Line {
  /** Without its end; undefined when it is too long. */
  bytes: Uint8Array | undefined;
  /** Position of its first byte. */
  start: number;
  /** Position behind it and its end. */
  end: number;
  /** Whether it has an end: the last one of a file may still be written. */
  ended: boolean;
}

/**
 * Splits chunks into lines, those of one chunk together; a line may be a view of its chunk.
 *
 * @param start position of the first chunk.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  start = 0,
  max: number = MAX_LINE,
): AsyncGenerator<Line[]> {
  /** What there is of a line that has no end yet; none of it once it is too long. */
  let held: Uint8Array[] = [];
  let length = 0;
  let at = start;
  const line = (rest: Uint8Array, ended: boolean): Line => {
    const size = length + rest.length;
    const bytes = size > max ? undefined : length === 0 ? rest : join([...held, rest], size);
    const end = at + size + (ended ? 1 : 0);
    const one = { bytes, start: at, end, ended };
    at = end;
    held = [];
    length = 0;
    return one;
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let to = chunk.indexOf(LF); to !== -1; to = chunk.indexOf(LF, from)) {
      lines.push(line(chunk.subarray(from, to), true));
      from = to + 1;
    }
    const rest = chunk.subarray(from);
    length += rest.length;
    if (length > max) held = [];
    else if (rest.length > 0) held.push(rest);
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [line(new Uint8Array(0), false)];
}

/** The record in a line; undefined when that is no JSON object, or one that nests without reason. */
export function parseRecord(bytes: Uint8Array | undefined): Json | undefined {
  if (bytes === undefined) return undefined;
  try {
    const record = object(JSON.parse(decoder.decode(bytes)));
    return record === undefined || isDeeper(record, MAX_DEPTH) ? undefined : record;
  } catch {
    return undefined;
  }
}

/** Whether a line has nothing in it, which is neither a record nor broken. */
export function isBlank(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  for (const key in value) {
    if (isDeeper((value as Json)[key], depth - 1)) return true;
  }
  return false;
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
