/**
 * opencode: one database, `~/.local/share/opencode/opencode.db`, on every system.
 *
 * @module
 */

import { isAbsolute, join } from "@std/path";
import { Problem } from "../problem.ts";
import { belongsByPath, projectOf } from "./by_path.ts";
import { folderOf } from "./confine.ts";
import type {
  Environment,
  History,
  HistoryFilter,
  HistorySession,
  HistoryStore,
  Page,
  Project,
  Transcript,
} from "./mod.ts";
import { messagesOf } from "./opencode_messages.ts";
import { ReadDatabase, type Row } from "./sqlite.ts";
import { oneLine, text, time } from "./text.ts";

const ID = /^ses_[A-Za-z0-9_-]{1,120}$/;

/** The database; a variable may name another one, absolute or in the same folder. */
function database(home: string, env: Environment): string {
  const data = folderOf(env, "XDG_DATA_HOME") ?? join(home, ".local", "share");
  const name = env("OPENCODE_DB") || "opencode.db";
  return isAbsolute(name) ? name : join(data, "opencode", name);
}

/** See {@linkcode HISTORIES}. */
export const opencode: HistoryStore = {
  variables: ["XDG_DATA_HOME", "OPENCODE_DB"],
  // Not their folder, in which lies what opencode logs in with.
  folders: (home, env) => ({
    read: ["", "-wal"].map((end) => database(home, env) + end),
    write: [],
  }),
  open: (home, env) => new OpencodeHistory(database(home, env)),
};

class OpencodeHistory implements History {
  constructor(private readonly path: string) {}

  async projects(): Promise<Project[]> {
    const rows = await this.#read((db) =>
      db.all(
        `SELECT directory, count(*) AS sessions, max(time_updated) AS updated FROM session
         WHERE ${LISTED} GROUP BY directory ORDER BY updated DESC`,
      )
    ) ?? [];
    return rows.map(({ directory, sessions, updated }) => {
      const { projectId, projectPath } = projectOf(text(directory));
      return {
        id: projectId,
        path: projectPath,
        sessions: Number(sessions),
        updated_at: time(updated) ?? time(0)!,
      };
    });
  }

  async sessions(where: HistoryFilter): Promise<Page<HistorySession>> {
    return await this.#read((db) => {
      const folders = db.all(`SELECT DISTINCT directory FROM session WHERE ${LISTED}`)
        .map(({ directory }) => `${directory}`)
        .filter((path) => belongsByPath(projectOf(path), where));
      // One parameter for all of them: their number is not bounded.
      const among = "directory IN (SELECT value FROM json_each(?))";
      const list = JSON.stringify(folders);
      const [{ total } = { total: 0 }] = db.all(
        `SELECT count(*) AS total FROM session WHERE ${LISTED} AND ${among}`,
        list,
      );
      const rows = db.all(
        `SELECT ${COLUMNS} FROM session WHERE ${LISTED} AND ${among}
         ORDER BY time_updated DESC, id LIMIT ? OFFSET ?`,
        ...[list, where.limit, where.offset],
      );
      return { items: rows.map(show), total: Number(total) };
    }) ?? { items: [], total: 0 };
  }

  async session(id: string, limit: number, offset: number): Promise<Transcript | undefined> {
    if (!ID.test(id)) return undefined;
    return await this.#read((db) => {
      const [row] = db.all(`SELECT ${COLUMNS} FROM session WHERE id = ?`, id);
      return row && { ...show(row), ...messagesOf(db, id, limit, offset) };
    });
  }

  /** The database may be in use, and other tables of it refer to a session: only opencode knows. */
  async delete(id: string): Promise<boolean> {
    if (await this.session(id, 0, 0) === undefined) return false;
    const command = ["opencode", "session", "delete", id];
    throw new Problem(
      422,
      `opencode keeps its sessions in a database that only opencode itself may change. Run: ${
        command.join(" ")
      }`,
      { command },
    );
  }

  async #read<T>(use: (db: ReadDatabase) => T): Promise<T | undefined> {
    try {
      using db = await ReadDatabase.open(this.path);
      if (db === undefined || !db.columns("session").has("directory")) return undefined;
      return use(db);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new Problem(500, `Cannot read opencode's database ${this.path}: ${detail}`);
    }
  }
}

/** Sessions of sub-agents have a parent; those put away are not listed by opencode either. */
const LISTED = "parent_id IS NULL AND time_archived IS NULL";
const COLUMNS = "id, directory, substr(title, 1, 1000) AS title, time_created, time_updated";

function show(row: Row): HistorySession {
  const { projectId, projectPath } = projectOf(text(row.directory));
  return {
    id: `${row.id}`,
    project_id: projectId,
    project_path: projectPath,
    title: oneLine(text(row.title)),
    created_at: time(row.time_created),
    updated_at: time(row.time_updated) ?? time(0)!,
    bytes: null,
  };
}
