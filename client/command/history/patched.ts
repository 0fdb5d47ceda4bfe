/**
 * Transcripts that are written as a log of changes: a record with an id takes the place of an
 * earlier one with the same id, `$set.messages` that of all, and `$rewindTo` takes away the end.
 *
 * @module
 */

import { Recent } from "@agentx/common";
import { isBlank, type Line, linesOf, parseRecord } from "./jsonl.ts";
import { Source } from "./source.ts";
import { type Json, object } from "./text.ts";
import { PAGE_BYTES, type Records } from "./transcript.ts";

/** Files of which is kept where their messages stand. */
const FILES = 8;

/** Where the last state of a message stands. */
interface Place {
  /** Of its line. */
  start: number;
  length: number;
  /** Which of the messages in that line; undefined when the line is the message. */
  at: number | undefined;
}

interface Index {
  inode: number | null;
  mtime: number;
  size: number;
  places: Place[];
  broken: number;
}

/** Reads such logs; a log that has not changed is read through once. */
export class PatchedTranscripts {
  readonly #indexes = new Recent<string, Index>(FILES);

  /** @returns undefined when the file is not there. */
  async page(path: string, limit: number, offset: number): Promise<Records | undefined> {
    using source = await Source.open(path);
    if (source === undefined) return undefined;
    const { inode, mtime, size } = source;
    let index = this.#indexes.get(path);
    if (index?.inode !== inode || index.mtime !== mtime || index.size !== size) {
      index = { inode, mtime, size, ...await readThrough(source) };
      this.#indexes.set(path, index);
    }
    const messages = await readPage(source, index.places.slice(offset, offset + limit));
    return { messages, total: index.places.length, broken: index.broken };
  }
}

async function readThrough(source: Source): Promise<{ places: Place[]; broken: number }> {
  const places = new Map<string, Place>();
  let broken = 0;
  for await (const lines of linesOf(source.chunks())) {
    for (const line of lines) {
      if (isBlank(line.bytes)) continue;
      const record = parseRecord(line.bytes);
      if (record === undefined) broken++;
      else apply(places, record, line);
    }
  }
  return { places: [...places.values()], broken };
}

/** What one line changes. Order and meaning are those of the CLI's own reader. */
function apply(places: Map<string, Place>, record: Json, line: Line): void {
  const { start } = line;
  const length = line.bytes!.length;
  if (typeof record.$rewindTo === "string") return rewind(places, record.$rewindTo);
  if (typeof record.id === "string") {
    places.set(record.id, { start, length, at: undefined });
    return;
  }
  const set = object(record.$set);
  if (Array.isArray(set?.messages)) places.clear();
  for (const [at, message] of (messagesIn(record) ?? []).entries()) {
    const id = object(message)?.id;
    if (typeof id === "string") places.set(id, { start, length, at });
  }
}

function rewind(places: Map<string, Place>, to: string): void {
  let found = !places.has(to);
  for (const id of [...places.keys()]) {
    found ||= id === to;
    if (found) places.delete(id);
  }
}

/** The messages that a line has in it: a change of all of them, or the head of the file. */
export function messagesIn(record: Json): unknown[] | undefined {
  const messages = object(record.$set)?.messages ?? record.messages;
  return Array.isArray(messages) ? messages : undefined;
}

async function readPage(source: Source, places: readonly Place[]): Promise<Json[]> {
  const messages: Json[] = [];
  let room = PAGE_BYTES;
  let line: { start: number; record: Json | undefined } | undefined;
  for (const { start, length, at } of places) {
    if (line?.start !== start) {
      room -= length;
      if (room < 0 && messages.length > 0) break;
      line = { start, record: parseRecord(await source.read(start, length)) };
    }
    const record = line.record;
    const message = at === undefined || record === undefined
      ? record
      : object(messagesIn(record)?.[at]);
    if (message !== undefined) messages.push(message);
  }
  return messages;
}
