/**
 * Databases of other programs, which may be writing in them: read, and left as they are.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { statFile } from "./files.ts";
import { Source } from "./source.ts";
import { WAL_HEADER, withLog } from "./wal.ts";

/**
 * Up to this size, log included, a database is read into memory, in bytes. A larger one is opened in
 * its place for reading only; SQLite then takes its locks in the `-shm` file, as the CLI itself does,
 * and makes that and an empty log where they lack.
 */
const IN_MEMORY = 32 * 1024 * 1024;
/** How often a database is read again that was changed meanwhile, and how long later. */
const TRIES = 5;
const PAUSE_MS = 20;
/** How long a database in its place may be locked, in milliseconds. */
const LOCK_MS = 1000;

/** A value in a row. */
export type Value = string | number | null | Uint8Array;
/** A row, by the names of its columns. */
export type Row = Record<string, Value>;

/** A database that is open for reading. */
export class ReadDatabase implements Disposable {
  private constructor(private readonly db: DatabaseSync) {}

  /**
   * Opens a database.
   *
   * @returns undefined when there is none, or nothing in it yet.
   * @throws {Error} when the file is no database.
   */
  static async open(path: string): Promise<ReadDatabase | undefined> {
    for (let left = TRIES; left > 0; left--) {
      const size = sizeOf(path);
      if (size === undefined) return undefined;
      if (size > IN_MEMORY) break;
      const image = await imageOf(path);
      if (image?.length === 0) return undefined;
      if (image !== undefined) {
        const db = new DatabaseSync(":memory:");
        try {
          db.deserialize(image);
          return new ReadDatabase(db);
        } catch (error) {
          db.close();
          throw error;
        }
      }
      await pause(PAUSE_MS);
    }
    return new ReadDatabase(new DatabaseSync(path, { readOnly: true, timeout: LOCK_MS }));
  }

  /** The rows that a query gives. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.db.prepare(sql).all(...values) as Row[];
  }

  /** The rows one by one. */
  each(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.db.prepare(sql).iterate(...values) as Iterable<Row>;
  }

  /** The names of a table's columns; none when there is no such table. */
  columns(table: string): Set<string> {
    return new Set(
      this.all("SELECT name FROM pragma_table_info(?)", table).map(({ name }) => `${name}`),
    );
  }

  [Symbol.dispose](): void {
    this.db.close();
  }
}

/** Bytes of a database with its log; undefined when it is not there. */
function sizeOf(path: string): number | undefined {
  const database = statFile(path);
  return database && database.size + (statFile(`${path}-wal`)?.size ?? 0);
}

/**
 * The database as of one moment; undefined when it was changed meanwhile in a way that may have torn
 * it. As long as a log is not begun anew, all that is copied from it into the database is in it too.
 */
async function imageOf(path: string): Promise<Uint8Array | undefined> {
  const before = { ...statFile(path), log: await read(`${path}-wal`, WAL_HEADER) };
  const database = await read(path);
  const log = await read(`${path}-wal`);
  const after = { ...statFile(path), log: log.subarray(0, WAL_HEADER) };
  const sameLog = before.log.toHex() === after.log.toHex();
  const still = before.mtime === after.mtime && before.size === after.size;
  return sameLog && (log.length > 0 || still) ? withLog(database, log) : undefined;
}

/** Reads a file, or its beginning; nothing when it is not there. */
async function read(path: string, length = Infinity): Promise<Uint8Array> {
  using source = await Source.open(path);
  return source === undefined ? new Uint8Array(0) : await source.read(0, length);
}
