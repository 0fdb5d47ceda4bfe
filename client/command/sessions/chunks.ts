/**
 * A session's lines in the database: not a row a line, but a row for the lines that came at once.
 *
 * @module
 */

import type { Line, LineKind } from "./log.ts";
import type { Store } from "./store.ts";

/** How much {@link Chunks.read} reads, in bytes and in lines; one line always, however long. */
const READ_BYTES = 256 * 1024;
const READ_LINES = 8192;
/** Rows that are removed at once: each costs some of the time in which lines could be written. */
const REMOVED_ROWS = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Which lines there are, and how many bytes they are. */
export interface Extent {
  /** Number of the oldest line that is kept; `last + 1` without any. */
  first: number;
  last: number;
  /** Bytes before the oldest line, and those with the newest, since the beginning of the session. */
  start: number;
  end: number;
  /** When the newest line came, in milliseconds since 1970; 0 without any. */
  at: number;
}

const NOTHING: Extent = { first: 1, last: 0, start: 0, end: 0, at: 0 };

/** The chunks of one session. */
export class Chunks {
  /** @param session its `key`. */
  constructor(private readonly store: Store, private readonly session: number) {}

  /** What there is. */
  extent(): Extent {
    const of = (order: "ASC" | "DESC") =>
      this.store.get(
        `SELECT first, count, at, start, length(lines) AS size FROM chunks
         WHERE session = ? ORDER BY first ${order} LIMIT 1`,
        this.session,
      ) as Record<"first" | "count" | "at" | "start" | "size", number> | undefined;
    const oldest = of("ASC");
    const newest = of("DESC");
    if (oldest === undefined || newest === undefined) return NOTHING;
    return {
      first: oldest.first,
      last: newest.first + newest.count - 1,
      start: oldest.start,
      end: newest.start + newest.size,
      at: newest.at,
    };
  }

  /**
   * Adds lines, a row for those of one kind that follow each other.
   *
   * @param before what there is.
   * @returns what there is then.
   */
  append(lines: readonly Line[], before: Extent): Extent {
    const at = Date.now();
    let { end } = before;
    for (let from = 0; from < lines.length;) {
      const { n, kind } = lines[from]!;
      let to = from + 1;
      while (to < lines.length && lines[to]!.kind === kind) to++;
      const bytes = encoder.encode(lines.slice(from, to).map(({ text }) => text).join("\n"));
      this.store.run(
        "INSERT INTO chunks (session, first, count, at, start, kind, lines) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ...[this.session, n, to - from, at, end, kind, bytes],
      );
      end += bytes.length;
      from = to;
    }
    return lines.length === 0 ? before : { ...before, last: before.last + lines.length, end, at };
  }

  /** Lines from `from` on, some of them. */
  read(from: number): Line[] {
    const found: Line[] = [];
    let size = 0;
    const rows = this.store.iterate(
      `SELECT first, kind, lines FROM chunks WHERE session = ?1 AND first >=
         (SELECT max(first) FROM chunks WHERE session = ?1 AND first <= ?2) ORDER BY first`,
      this.session,
      from,
    ) as Iterable<{ first: number; kind: LineKind; lines: Uint8Array }>;
    for (const { first, kind, lines } of rows) {
      let n = first;
      for (const text of decoder.decode(lines).split("\n")) {
        if (n >= from) found.push({ n, kind, text });
        n++;
      }
      size += lines.length;
      if (size >= READ_BYTES || found.length >= READ_LINES) break;
    }
    return found;
  }

  /**
   * Removes the oldest chunks, so that the others begin at this byte or behind it; the newest is left,
   * and not all may go at once.
   *
   * @returns what is the oldest now.
   */
  trim(start: number): Pick<Extent, "first" | "start"> | undefined {
    let oldest: { first: number; start: number } | undefined;
    let seen = 0;
    const rows = this.store.iterate(
      "SELECT first, start FROM chunks WHERE session = ? ORDER BY first",
      this.session,
    ) as Iterable<{ first: number; start: number }>;
    for (const { first, start: at } of rows) {
      oldest = { first, start: at };
      if (at >= start || seen++ === REMOVED_ROWS) break;
    }
    if (oldest !== undefined) {
      this.store.run(
        "DELETE FROM chunks WHERE session = ? AND first < ?",
        ...[this.session, oldest.first],
      );
    }
    return oldest;
  }
}

/**
 * Removes some chunks of sessions that are gone.
 *
 * @returns whether there may be more.
 */
export function sweepChunks(store: Store): boolean {
  const session = store.get("SELECT session FROM gone LIMIT 1")?.session;
  if (session === undefined) return false;
  const removed = store.run(
    `DELETE FROM chunks WHERE rowid IN
       (SELECT rowid FROM chunks WHERE session = ? ORDER BY first LIMIT ?)`,
    session,
    REMOVED_ROWS,
  );
  if (removed < REMOVED_ROWS) store.run("DELETE FROM gone WHERE session = ?", session);
  // Gives the space back to the disk. A page is 4 KiB, and most rows are smaller than a few of them.
  store.all(`PRAGMA incremental_vacuum(${16 * REMOVED_ROWS})`);
  return true;
}
