/**
 * A SQLite database together with its write-ahead log, put together in memory, so that reading it
 * touches no file: SQLite's own way writes into `-shm`, and makes that and `-wal` where they lack.
 *
 * @see {@link https://www.sqlite.org/fileformat2.html#the_write_ahead_log | The Write-Ahead Log}
 * @module
 */

/** Size of the log's header; it changes whenever the log is begun anew. */
export const WAL_HEADER = 32;
const FRAME_HEADER = 24;
/** The log's first four bytes, but for the lowest bit: with that its checksums are big-endian. */
const MAGIC = 0x377f0682;
/** Where a database says how it is written and read: 1 is the old way, 2 with such a log. */
const FORMAT_VERSIONS = [18, 19];

/**
 * The database with all that is committed in its log, as a file that needs no log.
 *
 * @param database its file; changed, and given back when it is the result.
 * @param log its `-wal` file; what is torn or stale in it is left out, as SQLite does.
 */
export function withLog(database: Uint8Array, log: Uint8Array): Uint8Array {
  const image = withPages(database, log);
  for (const at of FORMAT_VERSIONS) {
    if (image[at] === 2) image[at] = 1;
  }
  return image;
}

function withPages(database: Uint8Array, log: Uint8Array): Uint8Array {
  const committed = committedPages(log);
  if (committed === undefined) return database;
  const { pageSize, pages, count } = committed;
  const image = new Uint8Array(count * pageSize);
  image.set(database.subarray(0, image.length));
  for (const [page, at] of pages) {
    if (page <= count) image.set(log.subarray(at, at + pageSize), (page - 1) * pageSize);
  }
  return image;
}

interface Committed {
  pageSize: number;
  /** Where in the log the last state of each page is, by its number. */
  pages: Map<number, number>;
  /** Pages of the database. */
  count: number;
}

/** Reads a log up to its last whole transaction; undefined when there is none. */
function committedPages(log: Uint8Array): Committed | undefined {
  if (log.length < WAL_HEADER) return undefined;
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const magic = view.getUint32(0);
  const pageSize = view.getUint32(8);
  if ((magic & ~1) !== MAGIC || pageSize < 512 || pageSize > 65536) return undefined;
  const sum = new Checksum(view, (magic & 1) === 0);
  if (!sum.add(0, 24).is(24)) return undefined;
  const salts = [view.getUint32(16), view.getUint32(20)];
  const pages = new Map<number, number>();
  let pending: [page: number, at: number][] = [];
  let count = 0;
  const frame = FRAME_HEADER + pageSize;
  for (let at = WAL_HEADER; at + frame <= log.length; at += frame) {
    if (view.getUint32(at + 8) !== salts[0] || view.getUint32(at + 12) !== salts[1]) break;
    if (!sum.add(at, 8).add(at + FRAME_HEADER, pageSize).is(at + 16)) break;
    pending.push([view.getUint32(at), at + FRAME_HEADER]);
    const size = view.getUint32(at + 4);
    // Only the last frame of a transaction says how large the database is after it.
    if (size === 0) continue;
    for (const [page, place] of pending) pages.set(page, place);
    pending = [];
    count = size;
  }
  return count === 0 ? undefined : { pageSize, pages, count };
}

/** The running checksum over header and frames. */
class Checksum {
  #one = 0;
  #two = 0;

  constructor(private readonly view: DataView, private readonly little: boolean) {}

  add(from: number, length: number): this {
    for (let at = from; at < from + length; at += 8) {
      this.#one = (this.#one + this.view.getUint32(at, this.little) + this.#two) >>> 0;
      this.#two = (this.#two + this.view.getUint32(at + 4, this.little) + this.#one) >>> 0;
    }
    return this;
  }

  /** Whether this checksum stands at a place. */
  is(at: number): boolean {
    return this.view.getUint32(at) === this.#one && this.view.getUint32(at + 4) === this.#two;
  }
}
