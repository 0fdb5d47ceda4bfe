/**
 * What Codex's database knows of its sessions: names that people gave them, and which of them were
 * begun by others.
 *
 * @module
 */

import { join } from "@std/path";
import { statFile } from "./files.ts";
import { ReadDatabase, type Row } from "./sqlite.ts";
import { object, oneLine, text, time } from "./text.ts";

/** Versions of the database that are looked for; it was 5 in 2026, and grows with its tables. */
const VERSIONS = 32;
/** Most sessions that are asked for. */
const MOST = 50_000;
/** Columns with what may be a title, the best first. */
const TITLES = ["name", "title", "preview", "first_user_message"];

/** A session, as the database has it. */
export interface CodexThread {
  cwd: string | undefined;
  title: string;
  createdAt: string | null;
  subagent: boolean;
}

/**
 * Where the database may be, the newest version first. They are named one by one, since whoever may
 * look into their folder may also read what Codex logs in with.
 */
export function databasesIn(folder: string): string[] {
  return Array.from(
    { length: VERSIONS },
    (_, at) => join(folder, `state_${VERSIONS - at}.sqlite`),
  );
}

/** The sessions in the newest database; none when there is none that can be read. */
export class CodexThreads {
  readonly #databases: readonly string[];
  #stamp = "";
  #threads: ReadonlyMap<string, CodexThread> = new Map();

  /** @param folder the databases lie in. */
  constructor(folder: string) {
    this.#databases = databasesIn(folder);
  }

  get(id: string): CodexThread | undefined {
    return this.#threads.get(id);
  }

  /** Whether there is any such database. */
  get exist(): boolean {
    return this.#newest() !== undefined;
  }

  /** Reads the database again if it has changed. */
  async refresh(): Promise<void> {
    const path = this.#newest();
    const stamp = path === undefined ? "" : stampOf(path);
    if (stamp === this.#stamp) return;
    // What cannot be read is not tried again before it changes; the files say enough without it.
    this.#threads = path === undefined ? new Map() : await read(path).catch(() => new Map());
    this.#stamp = stamp;
  }

  #newest(): string | undefined {
    return this.#databases.find((path) => statFile(path) !== undefined);
  }
}

function stampOf(path: string): string {
  return JSON.stringify([path, statFile(path), statFile(`${path}-wal`)]);
}

async function read(path: string): Promise<ReadonlyMap<string, CodexThread>> {
  using db = await ReadDatabase.open(path);
  const columns = db?.columns("threads") ?? new Set();
  if (db === undefined || !columns.has("id") || !columns.has("cwd")) return new Map();
  const wanted = ["id", "cwd", "source", "thread_source", "created_at", ...TITLES]
    .filter((column) => columns.has(column));
  // Prompts may be long, and only their beginnings are shown.
  const list = wanted.map((column) =>
    TITLES.includes(column) ? `substr(${column}, 1, 1000) AS ${column}` : column
  );
  const order = columns.has("updated_at") ? "ORDER BY updated_at DESC" : "";
  const rows = db.each(`SELECT ${list.join(", ")} FROM threads ${order} LIMIT ${MOST}`);
  return new Map([...rows].map((row) => [`${row.id}`.toLowerCase(), threadOf(row)]));
}

function threadOf(row: Row): CodexThread {
  const created = row.created_at;
  return {
    cwd: text(row.cwd),
    title: oneLine(TITLES.map((column) => text(row[column])).find((one) => one !== undefined)),
    createdAt: typeof created === "number" ? time(created * 1000) : null,
    subagent: isSubagent(row.source, row.thread_source),
  };
}

/** Whether a session was begun by another one, not by a person. */
export function isSubagent(source: unknown, threadSource: unknown): boolean {
  const kind = typeof source === "string" ? source : Object.keys(object(source) ?? {})[0] ?? "";
  return threadSource === "subagent" || threadSource === "memory_consolidation" ||
    /^\W*(?:subagent|internal)/i.test(kind);
}
