/**
 * Pages of a transcript, whatever its size: a file is read through once, then marks in it say where
 * a page begins. A file that has grown is read on from where it ended.
 *
 * @module
 */

import { Recent } from "@agentx/common";
import { isBlank, type Line, linesOf, parseRecord } from "./jsonl.ts";
import { Source } from "./source.ts";
import type { Json } from "./text.ts";

/** How much a page may hold, in bytes of the file; one record it holds in any case. */
export const PAGE_BYTES = 16 * 1024 * 1024;
/** Records between two marks. */
const MARK_EVERY = 256;
/** Files whose marks are kept. */
const FILES = 64;
/** Bytes that tell whether the file still is what was read: those before its end. */
const PRINT_BYTES = 64;

/** Some records of a transcript. */
export interface Records {
  messages: Json[];
  total: number;
  /** Lines that are no records. */
  broken: number;
}

interface Count {
  total: number;
  broken: number;
}

/** What reading a file through has found. */
interface Index {
  inode: number | null;
  mtime: number;
  size: number;
  /** Up to the last line that has an end. */
  done: Count & { end: number; print: string };
  /** With the line behind it, which may still be written. */
  all: Count;
  /** Where the records 0, 256, 512 and so on begin. */
  marks: number[];
}

/** Reads transcripts, and remembers where what is. */
export class Transcripts {
  readonly #indexes = new Recent<string, Index>(FILES);
  /** Files that are being read through: who asks meanwhile waits instead of reading as well. */
  readonly #busy = new Map<string, Promise<unknown>>();

  /** @returns undefined when the file is not there. */
  async page(path: string, limit: number, offset: number): Promise<Records | undefined> {
    using source = await Source.open(path);
    if (source === undefined) return undefined;
    const { all, marks } = await this.#index(path, source);
    const messages = offset < all.total && limit > 0
      ? await readPage(source, marks, limit, offset)
      : [];
    return { messages, ...all };
  }

  async #index(path: string, source: Source): Promise<Index> {
    while (this.#busy.has(path)) await this.#busy.get(path);
    const known = this.#indexes.get(path);
    if (known !== undefined && isSame(known, source)) return known;
    const reading = readOn(source, known);
    // Whoever waits only wants the file to be free again; who reads hears of what went wrong.
    this.#busy.set(path, reading.catch(() => {}));
    try {
      const index = await reading;
      this.#indexes.set(path, index);
      return index;
    } finally {
      this.#busy.delete(path);
    }
  }
}

/** Reads on where the file ended, or from its beginning if it is another by now. */
async function readOn(source: Source, known: Index | undefined): Promise<Index> {
  const more = known !== undefined && await grew(known, source);
  return await readThrough(source, more ? known : undefined);
}

function isSame(index: Index, source: Source): boolean {
  return index.inode === source.inode && index.mtime === source.mtime && index.size === source.size;
}

/** Whether a file has only been added to. */
async function grew(index: Index, source: Source): Promise<boolean> {
  return !source.packed && index.inode === source.inode && source.size >= index.size &&
    await print(source, index.done.end) === index.done.print;
}

async function print(source: Source, end: number): Promise<string> {
  const start = Math.max(end - PRINT_BYTES, 0);
  return source.packed ? "" : (await source.read(start, end - start)).toBase64();
}

/** Counts the records up to the end of the file. @param known of its beginning. */
async function readThrough(source: Source, known: Index | undefined): Promise<Index> {
  const marks = [...known?.marks ?? []];
  const done = { total: known?.done.total ?? 0, broken: known?.done.broken ?? 0 };
  let end = known?.done.end ?? 0;
  let all: Count | undefined;
  const count = (counts: Count, { bytes, start }: Line) => {
    if (isBlank(bytes)) return;
    if (parseRecord(bytes) === undefined) return counts.broken++;
    if (counts.total % MARK_EVERY === 0) marks[counts.total / MARK_EVERY] = start;
    counts.total++;
  };
  try {
    for await (const lines of linesOf(source.chunks(end), end)) {
      for (const line of lines) {
        if (!line.ended) count(all = { ...done }, line);
        else {
          count(done, line);
          end = line.end;
        }
      }
    }
  } catch (error) {
    // What a damaged packed file still gave is as good as before.
    if (!source.packed) throw error;
    all = { total: done.total, broken: done.broken + 1 };
  }
  const { inode, mtime, size } = source;
  const whole = { ...done, end, print: await print(source, end) };
  return { inode, mtime, size, done: whole, all: all ?? done, marks };
}

async function readPage(
  source: Source,
  marks: readonly number[],
  limit: number,
  offset: number,
): Promise<Json[]> {
  const messages: Json[] = [];
  const mark = Math.floor(offset / MARK_EVERY);
  let skip = offset - mark * MARK_EVERY;
  let room = PAGE_BYTES;
  const start = marks[mark] ?? 0;
  try {
    for await (const lines of linesOf(source.chunks(start), start)) {
      for (const { bytes } of lines) {
        const record = parseRecord(bytes);
        if (record === undefined || skip-- > 0) continue;
        room -= bytes!.length;
        if (room < 0 && messages.length > 0) return messages;
        messages.push(record);
        if (messages.length === limit) return messages;
      }
    }
  } catch (error) {
    if (!source.packed) throw error;
  }
  return messages;
}
