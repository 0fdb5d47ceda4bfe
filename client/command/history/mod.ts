/**
 * The sessions that CLIs keep themselves, read from their own files; also those that were started in
 * a plain terminal.
 *
 * @module
 */

import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import { withTargets } from "./confine.ts";
import { copilot } from "./copilot.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";
import { qwen } from "./qwen.ts";

/** A folder that a CLI has worked in. */
export interface Project {
  /** Stable, safe in a URL. */
  id: string;
  /** The folder, as a record in a session names it; null when none does. */
  path: string | null;
  /** How many; files that turn out to be no session of their own are counted as well. */
  sessions: number;
  /** ISO 8601. */
  updated_at: string;
}

/** One session in a list. */
export interface HistorySession {
  /** The CLI's own id: what `resume` takes. */
  id: string;
  /** See {@linkcode Project.id}. */
  project_id: string;
  /** The folder it works in, as its records name it; null when none does. */
  project_path: string | null;
  /** The CLI's own title, or the first prompt, on one line; empty when there is neither. */
  title: string;
  /** ISO 8601; null when no record has a time. */
  created_at: string | null;
  /** When it was last written, ISO 8601. */
  updated_at: string;
  /** Size of its file in bytes; null where it is no file. */
  bytes: number | null;
}

/** Part of a list. */
export interface Page<T> {
  /** Those that were asked for. */
  items: T[];
  /**
   * How many there are. Beyond the first few hundred files are counted unread, among which may be
   * some that turn out to be no session of their own.
   */
  total: number;
}

/** A session in full: the CLI's own records, page by page. */
export interface Transcript extends HistorySession {
  /**
   * The records as the CLI wrote them, JSON; patched ones in their last state. Fewer than asked for
   * when they are large: the next page starts behind those that came.
   */
  messages: unknown[];
  /** Of the whole session. */
  total_messages: number;
  /** Lines that were no JSON object, or too long to be one, and were skipped. */
  broken_lines: number;
}

/** Which sessions to list, newest first. */
export interface HistoryFilter {
  /** Only those of this project. */
  projectId?: string | undefined;
  /** Only those of this folder. */
  projectPath?: string | undefined;
  /** Most that are wanted. */
  limit: number;
  /** How many newer ones to leave out. */
  offset: number;
}

/** The sessions of one CLI. Reads only, but for `delete`. */
export interface History {
  /** All projects, the one last worked in first. */
  projects(): Promise<Project[]>;
  /** Some sessions. */
  sessions(filter: HistoryFilter): Promise<Page<HistorySession>>;
  /**
   * One session with some of its records, the oldest first.
   *
   * @returns undefined for an unknown id; an id that is no id of this CLI is unknown.
   */
  session(id: string, limit: number, offset: number): Promise<Transcript | undefined>;
  /**
   * Removes the files of this session, and no others.
   *
   * @returns whether it was there.
   * @throws {Problem} 422 where only the CLI itself can do that, with the `command` for it.
   */
  delete(id: string): Promise<boolean>;
}

/** Looks up an environment variable: CLIs keep their sessions where these say. */
export type Environment = (name: string) => string | undefined;

/** Folders of a store, absolute; they need not exist. */
export interface StoreFolders {
  /** What is in them is read. */
  read: readonly string[];
  /** Sessions are deleted from them. */
  write: readonly string[];
}

/** Where a CLI keeps its sessions, and how to read them. */
export interface HistoryStore {
  /** Variables that say where. */
  variables: readonly string[];
  /** What history needs permissions for. */
  folders(home: string, env: Environment): StoreFolders;
  /** Opens the history; nothing is read yet. @param home the home folder of the user. */
  open(home: string, env: Environment): History;
}

/** The stores of all CLIs, by executor name. */
export const HISTORIES: Readonly<Record<string, HistoryStore>> = {
  claude,
  codex,
  gemini,
  qwen,
  opencode,
  copilot,
};

/** Variables that {@linkcode openHistories} and {@linkcode historyFolders} look up. */
export const HISTORY_VARIABLES: readonly string[] = Object.values(HISTORIES)
  .flatMap(({ variables }) => variables);

/** The history of every CLI; that of one which was never used is empty. */
export function openHistories(home: string, env: Environment): ReadonlyMap<string, History> {
  return new Map(
    Object.entries(HISTORIES).map(([name, store]) => [name, store.open(home, env)]),
  );
}

/**
 * All folders that {@linkcode openHistories} reads, and those from which it deletes; where a link leads
 * to one, the folder behind it too.
 */
export function historyFolders(home: string, env: Environment): StoreFolders {
  const all = Object.values(HISTORIES).map((store) => store.folders(home, env));
  return {
    read: withTargets(all.flatMap(({ read }) => read)),
    write: withTargets(all.flatMap(({ write }) => write)),
  };
}
