/**
 * What is known of a session beside its output, as rows of the database.
 *
 * @module
 */

import type { SessionInfo, SessionStatus } from "../schemas.ts";
import { Chunks, type Extent } from "./chunks.ts";
import type { Row, Store } from "./store.ts";

/** Longest prompt that is kept here, in characters; the log has all of it. */
const MAX_PROMPT = 1000;
/** Longest title that is made of a prompt. */
const MAX_TITLE = 80;
/** Longest title or reason that is taken from elsewhere. */
const MAX_LINE = 2000;

/** A row of `sessions`; times in milliseconds since 1970. */
export interface SessionRecord {
  /** The number that other tables know it by. */
  readonly key: number;
  readonly id: string;
  readonly epoch: string;
  readonly executor: string;
  readonly driver: string;
  /** Whether the executor's interactive style is used. */
  readonly interactive: boolean;
  readonly status: SessionStatus;
  /** A turn has begun whose completion is not in the log yet. */
  readonly busy: boolean;
  readonly title: string;
  readonly prompt: string;
  readonly project_path: string;
  readonly model: string | null;
  readonly permission_mode: string;
  readonly allowed_tools: readonly string[];
  readonly extra_args: readonly string[];
  /** The CLI's session that it was to go on with. */
  readonly resume: string | null;
  readonly resume_last: boolean;
  readonly cli_session_id: string | null;
  /** By which the processes of its CLI are known; null while there are none. */
  readonly mark: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly ended_at: number | null;
  readonly turns: number;
  readonly exit_code: number | null;
  readonly reason: string | null;
}

/** What may change of a session. */
export type Change = Partial<
  Pick<
    SessionRecord,
    | "status"
    | "busy"
    | "title"
    | "cli_session_id"
    | "mark"
    | "updated_at"
    | "ended_at"
    | "turns"
    | "exit_code"
    | "reason"
  >
>;

/** Which sessions to list, newest first. */
export interface SessionFilter {
  executor?: string | undefined;
  status?: SessionStatus | undefined;
  projectPath?: string | undefined;
  limit: number;
  offset: number;
}

/** The rows of all sessions. */
export class Records {
  constructor(private readonly store: Store) {}

  /** Adds a session; its key and its epoch are made here. */
  insert(record: Omit<SessionRecord, "key" | "epoch">): SessionRecord {
    const epoch = crypto.randomUUID().slice(0, 8);
    const { key } = this.store.get(
      `INSERT INTO sessions (${COLUMNS.join(", ")})
       VALUES (${COLUMNS.map(() => "?").join(", ")}) RETURNING key`,
      ...COLUMNS.map((column) => encode({ ...record, epoch }[column])),
    )!;
    return { ...record, epoch, key: Number(key) };
  }

  /** Changes a row; the returned record has the changes. */
  update(record: SessionRecord, change: Change): SessionRecord {
    const columns = Object.keys(change) as (keyof Change)[];
    this.store.run(
      `UPDATE sessions SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE key = ?`,
      ...columns.map((column) => encode(change[column])),
      record.key,
    );
    return { ...record, ...change };
  }

  /** Removes a session with all that belongs to it; its chunks are only marked for {@link sweep}. */
  delete({ key, id }: SessionRecord): void {
    this.store.transaction(() => {
      this.store.run("DELETE FROM permissions WHERE session_id = ?", id);
      this.store.run("INSERT OR IGNORE INTO gone (session) VALUES (?)", key);
      this.store.run("DELETE FROM sessions WHERE key = ?", key);
    });
  }

  /** By our id, or by the CLI's own: then the newest. */
  find(id: string): SessionRecord | undefined {
    const row = this.store.get("SELECT * FROM sessions WHERE id = ?", id) ??
      this.store.get(
        "SELECT * FROM sessions WHERE cli_session_id = ? ORDER BY key DESC LIMIT 1",
        id,
      );
    return row === undefined ? undefined : decode(row);
  }

  /** Some of them, newest first, and how many there are. */
  list(filter: SessionFilter): { items: SessionRecord[]; total: number } {
    const wanted = Object.entries({
      executor: filter.executor,
      status: filter.status,
      project_path: filter.projectPath,
    }).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const conditions = ["TRUE", ...wanted.map(([column]) => `${column} = ?`)];
    const values = wanted.map(([, value]) => value);
    const from = `FROM sessions WHERE ${conditions.join(" AND ")}`;
    const items = this.store.all(
      `SELECT * ${from} ORDER BY key DESC LIMIT ? OFFSET ?`,
      ...[...values, filter.limit, filter.offset],
    ).map(decode);
    const total = Number(this.store.get(`SELECT count(*) AS total ${from}`, ...values)!.total);
    return { items, total };
  }

  /** Those that had a turn, or were about to begin one, when the program ended; never many. */
  unfinished(): SessionRecord[] {
    return this.store.all(
      "SELECT * FROM sessions WHERE busy = 1 OR status = 'running' ORDER BY key",
    ).map(decode);
  }

  /** Those whose CLI may have been left when the program ended; never many. */
  left(): SessionRecord[] {
    return this.store.all("SELECT * FROM sessions WHERE mark IS NOT NULL ORDER BY key").map(decode);
  }

  /** Which lines of a session are kept. */
  extent(record: SessionRecord): Extent {
    return new Chunks(this.store, record.key).extent();
  }
}

/** A session as the API shows it. */
export function infoOf(
  record: SessionRecord,
  extent: Pick<Extent, "first" | "last" | "at">,
  waiting: { queued: number; permissions: number },
): SessionInfo {
  return {
    id: record.id,
    executor: record.executor,
    driver: record.driver,
    status: record.status,
    title: record.title,
    prompt: record.prompt,
    project_path: record.project_path,
    model: record.model,
    permission_mode: record.permission_mode,
    cli_session_id: record.cli_session_id,
    created_at: iso(record.created_at),
    updated_at: iso(Math.max(record.updated_at, extent.at)),
    ended_at: record.ended_at === null ? null : iso(record.ended_at),
    turns: record.turns,
    queued: waiting.queued,
    pending_permissions: waiting.permissions,
    epoch: record.epoch,
    first_line: extent.first,
    total_lines: extent.last,
    exit_code: record.exit_code,
    reason: record.reason,
  };
}

/** The beginning of a prompt, as it is kept. */
export function promptOf(text: string): string {
  return cut(text.replaceAll("\0", "\ufffd"), MAX_PROMPT);
}

/** A title from a prompt: its first line with something in it. */
export function titleOf(text: string): string {
  const line = text.split("\n", 1000).map(plain).find((line) => line !== "");
  return cut(line ?? "", MAX_TITLE);
}

/** A title or a reason that somebody gave, in one line. */
export function lineOf(text: string): string {
  return cut(plain(text), MAX_LINE);
}

function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x20\x7f]+/g, " ").trim();
}

/** So many characters at most, none of them half. */
function cut(text: string, max: number): string {
  const characters = [...text.slice(0, 2 * max + 2)];
  return characters.length <= max ? text : characters.slice(0, max - 1).join("") + "…";
}

const iso = (at: number) => new Date(at).toISOString();

const COLUMNS = [
  ...["id", "epoch", "executor", "driver", "interactive", "status", "busy", "title", "prompt"],
  ...["project_path", "model", "permission_mode", "allowed_tools", "extra_args", "resume"],
  ...["resume_last", "cli_session_id", "mark", "created_at", "updated_at", "ended_at", "turns"],
  ...["exit_code", "reason"],
] as (keyof Omit<SessionRecord, "key">)[];

function encode(value: SessionRecord[keyof SessionRecord] | undefined): string | number | null {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value ?? null;
}

function decode(row: Row): SessionRecord {
  return {
    ...row,
    interactive: row.interactive === 1,
    busy: row.busy === 1,
    resume_last: row.resume_last === 1,
    allowed_tools: JSON.parse(String(row.allowed_tools)),
    extra_args: JSON.parse(String(row.extra_args)),
  } as unknown as SessionRecord;
}
