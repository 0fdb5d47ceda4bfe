/**
 * The first and the last records of a file: what a list shows of a session stands there.
 *
 * @module
 */

import { type Line, linesOf, parseRecord } from "./jsonl.ts";
import type { Source } from "./source.ts";
import type { Json } from "./text.ts";

/** How much of a head is read at a time, in bytes: most need no second time. */
const STEP = 64 * 1024;
/** How far a head reaches at most, in bytes. */
const HEAD = 1024 * 1024;
/** How far back a tail reaches, in bytes. */
const TAIL = 64 * 1024;

/** The records at the beginning of a file; who has seen enough stops, and no more is read. */
export async function* headOf(source: Source): AsyncGenerator<Json> {
  try {
    for await (const lines of linesOf(source.chunks(0, STEP), 0, HEAD)) {
      for (const { bytes, start } of lines) {
        if (start >= HEAD) return;
        const record = parseRecord(bytes);
        if (record !== undefined) yield record;
      }
    }
  } catch (error) {
    // A packed file that is damaged: there is no more to see.
    if (!source.packed) throw error;
  }
}

/** The records at the end of a file, the last one first. A packed file has no such end. */
export async function tailOf(source: Source): Promise<Json[]> {
  if (source.packed) return [];
  const start = Math.max(source.size - TAIL, 0);
  const bytes = await source.read(start, TAIL);
  const lines: Line[] = [];
  for await (const some of linesOf(once(bytes), start)) lines.push(...some);
  // The first line may have begun earlier.
  if (start > 0) lines.shift();
  return lines.reverse().map((line) => parseRecord(line.bytes)).filter((one) => one !== undefined);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
