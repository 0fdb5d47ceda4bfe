/**
 * The database of command mode: `sessions.db` in the state folder.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { dirname } from "@std/path";
import { reason } from "@agentx/common";
import { MIGRATIONS } from "./migrations.ts";

/** How long another arpc may take to let go of the file, in milliseconds: it may just be ending. */
const PATIENCE_MS = 3000;
/** Says in the file's header whose it is: "arpc" in ASCII. */
const APPLICATION_ID = 0x61727063;
/** What the write-ahead log is cut to after it was long, in bytes. */
const KEPT_WAL = 16 * 1024 * 1024;

/** A row as SQLite gives it. */
export type Row = Record<string, null | number | bigint | string | Uint8Array>;

/**
 * The open database; one process at a time.
 *
 * SQLite keeps the file locked until it is closed. The lock is the system's, so that it goes with the
 * process even when that is killed, and the write-ahead log needs no shared memory.
 */
export class Store implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /**
   * @param path file to open, made if missing; `":memory:"` in tests.
   * @param patience milliseconds to wait for another process that has it; the thread waits too.
   * @throws {Error} when another process has it, it was written by a newer arpc, or it is damaged;
   * the message says what to do. The file is never deleted or replaced.
   */
  constructor(readonly path: string, patience: number = PATIENCE_MS) {
    this.#db = open(path, patience);
  }

  /** Runs a statement. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** The first row. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  /** All rows; for queries with a limit. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Row after row, read as they are asked for. Not to be nested with itself, nor across an await. */
  iterate(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#statement(sql).iterate(...values) as Iterable<Row>;
  }

  /** All or nothing of what `work` does; inside of another it is a part of that. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#db.exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk has rolled it back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }

  /** Closes the file; another process may have it then. */
  [Symbol.dispose](): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }
}

function open(path: string, patience: number): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    if (path !== ":memory:") keepToOwner(path);
    db = new DatabaseSync(path, { timeout: patience, enableForeignKeyConstraints: true });
    prepare(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw new Error(`Cannot use ${path}: ${cure(path, error)}`, { cause: error });
  }
}

/** Only its owner may read it; SQLite gives the files beside it the same rights. */
function keepToOwner(path: string): void {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    // One that is there is not opened: to close it would undo locks that this process has on it.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o600);
}

function prepare(db: DatabaseSync, path: string): void {
  // The lock is taken with the first access and never given back.
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  // Only now, before there is a table, can it be said that space of deleted rows may be given back.
  if (number(db, "PRAGMA page_count") === 0) db.exec("PRAGMA auto_vacuum = INCREMENTAL");
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = NORMAL");
  db.exec(`PRAGMA journal_size_limit = ${KEPT_WAL}`);
  db.exec("BEGIN IMMEDIATE");
  const version = number(db, "PRAGMA user_version");
  if (number(db, "PRAGMA application_id") !== APPLICATION_ID) {
    if (number(db, "SELECT count(*) FROM sqlite_schema") > 0) throw new Refusal(FOREIGN(path));
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  }
  if (version > MIGRATIONS.length) throw new Refusal(NEWER(path, version));
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  db.exec("COMMIT");
}

function number(db: DatabaseSync, sql: string): number {
  return Number(Object.values(db.prepare(sql).get() as Row)[0]);
}

/** A reason that says what to do already. */
class Refusal extends Error {}

const FOREIGN = (path: string) =>
  `it is a database of another program. Name another folder with --state-dir, or move ${path} away`;

const NEWER = (path: string, version: number) =>
  `a newer arpc wrote it (version ${version}, this one knows ${MIGRATIONS.length}). ` +
  `Update this arpc, or name another folder with --state-dir, or move ${path} away`;

/** What happened, and what can be done. */
function cure(path: string, error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const what = reason(error);
  if (/\b(locked|busy)\b/.test(what)) {
    return "another arpc in command mode has it. End that one, or give this one a folder of its " +
      "own with --state-dir";
  }
  if (/not a database|malformed|corrupt/.test(what)) {
    return `it is damaged (${what}). Move ${path} away and start again: arpc makes a new one. ` +
      "The CLIs' own sessions are not in it, and can be resumed";
  }
  return `${what}. Its folder must exist or be possible to make, and allow writing; another one ` +
    "can be named with --state-dir";
}
