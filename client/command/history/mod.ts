/**
 * The sessions that CLIs keep themselves, read from their own files; also those that were started in
 * a plain terminal.
 *
 * @module
 */

/** A folder that a CLI has worked in. */
export interface Project {
  /** Stable, safe in a URL. */
  id: string;
  /** The folder, as a record in a session names it; null when none does. */
  path: string | null;
  sessions: number;
  /** ISO 8601. */
  updated_at: string;
}

/** One session in a list. */
export interface HistorySession {
  /** The CLI's own id: what `resume` takes. */
  id: string;
  project_id: string;
  project_path: string | null;
  title: string;
  created_at: string | null;
  updated_at: string;
  /** Size of its file in bytes; null where it is no file. */
  bytes: number | null;
}

/** Part of a list. */
export interface Page<T> {
  items: T[];
  total: number;
}

/** A session in full: the CLI's own records, page by page. */
export interface Transcript extends HistorySession {
  /** The records as the CLI wrote them, JSON; patched ones in their last state. */
  messages: unknown[];
  total_messages: number;
  /** Lines that were no JSON, and were skipped. */
  broken_lines: number;
}

/** Which sessions to list, newest first. */
export interface HistoryFilter {
  projectId?: string | undefined;
  projectPath?: string | undefined;
  limit: number;
  offset: number;
}

/** The sessions of one CLI. Reads only, but for `delete`. */
export interface History {
  projects(): Promise<Project[]>;
  sessions(filter: HistoryFilter): Promise<Page<HistorySession>>;
  /** @returns undefined for an unknown id; an id that is no id of this CLI is unknown. */
  session(id: string, limit: number, offset: number): Promise<Transcript | undefined>;
  /** @returns whether it was there. */
  delete(id: string): Promise<boolean>;
}

/** How to open the history of each CLI, by executor name. */
export const HISTORIES: Readonly<Record<string, (home: string) => History>> = {};
