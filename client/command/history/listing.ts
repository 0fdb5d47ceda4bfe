/**
 * The history of a CLI that keeps a file a session: listed by what the file system says, and only
 * the files that a page shows are looked into.
 *
 * @module
 */

import { type FileStat, forAll } from "./files.ts";
import type { History, HistoryFilter, HistorySession, Page, Project, Transcript } from "./mod.ts";
import type { Records } from "./transcript.ts";

/** Files that are looked into for any list: up to here its total is exact. */
const LOOKED_INTO = 200;
/** Files of a folder that are looked into until one names the project. */
const ASKED_FOR_PATH = 20;

/** A file that may hold a session. */
export interface SessionFile extends FileStat {
  /** The CLI's id, as far as the file's name has it. */
  id: string;
  path: string;
  /** The project, where the place of the file tells it. */
  projectId: string | undefined;
}

/** What a file says of its session. */
export interface About {
  id: string;
  projectId: string;
  projectPath: string | null;
  title: string;
  createdAt: string | null;
}

/** What tells the sessions of a project from others. */
export type Where = Pick<HistoryFilter, "projectId" | "projectPath">;

/** Where and how a CLI keeps its sessions. */
export interface FileStore {
  /** The files that may hold sessions; no others, as far as their places tell. */
  files(where: Where): Promise<SessionFile[]>;
  /** The files of one session, the one to read first. */
  find(id: string): Promise<SessionFile[]>;
  /** Looks into a file; undefined when it holds no session of its own, or is gone. */
  about(file: SessionFile): Promise<About | undefined>;
  /** Whether a session is one of those asked for; asked of what `files` has given for them. */
  belongs(file: SessionFile, about: About, where: Where): boolean;
  records(path: string, limit: number, offset: number): Promise<Records | undefined>;
  /** Removes a session. */
  remove(id: string, files: readonly SessionFile[]): Promise<void>;
}

/** A session and its file. */
type Found = [file: SessionFile, about: About];

/** The history in such a store. */
export class FileHistory implements History {
  constructor(private readonly store: FileStore) {}

  async projects(): Promise<Project[]> {
    const groups = new Map<string, SessionFile[]>();
    const put = (id: string, file: SessionFile) =>
      void (groups.get(id)?.push(file) ?? groups.set(id, [file]));
    const rest: SessionFile[] = [];
    for (const file of newestFirst(await this.store.files({}))) {
      if (file.projectId === undefined) rest.push(file);
      else put(file.projectId, file);
    }
    for (const [file, { projectId }] of await this.#lookInto(rest)) put(projectId, file);
    return await forAll([...groups], async ([id, files]) => ({
      id,
      path: await this.#pathOf(files),
      sessions: new Set(files.map(({ id }) => id)).size,
      updated_at: iso(files[0]!.mtime),
    }));
  }

  async sessions(where: HistoryFilter): Promise<Page<HistorySession>> {
    const files = newestFirst(await this.store.files(where));
    const filtered = where.projectId !== undefined || where.projectPath !== undefined;
    // Where the place of a file does not tell its project, only looking into all of them does.
    const least = filtered && files.some(({ projectId }) => projectId === undefined)
      ? files.length
      : LOOKED_INTO;
    const wanted = where.offset + where.limit;
    const items: HistorySession[] = [];
    // A CLI that goes on with a session may begin another file for it: the newest one stands for all.
    const ids = new Set<string>();
    let seen = 0;
    let at = 0;
    while (at < files.length && (seen < wanted || at < least)) {
      const some = files.slice(at, at + Math.max(wanted - seen, LOOKED_INTO));
      at += some.length;
      for (const [file, about] of await this.#lookInto(some)) {
        if (ids.has(about.id) || !this.store.belongs(file, about, where)) continue;
        ids.add(about.id);
        if (seen >= where.offset && seen < wanted) items.push(show(file, about));
        seen++;
      }
    }
    return { items, total: seen + files.length - at };
  }

  async session(id: string, limit: number, offset: number): Promise<Transcript | undefined> {
    const [file] = await this.store.find(id);
    if (file === undefined) return undefined;
    const about = await this.store.about(file);
    const records = await this.store.records(file.path, limit, offset);
    if (about === undefined || records === undefined) return undefined;
    const { messages, total, broken } = records;
    return { ...show(file, about), messages, total_messages: total, broken_lines: broken };
  }

  async delete(id: string): Promise<boolean> {
    const files = await this.store.find(id);
    if (files.length === 0) return false;
    await this.store.remove(id, files);
    return true;
  }

  async #lookInto(files: readonly SessionFile[]): Promise<Found[]> {
    const found = await forAll(files, async (file): Promise<Found | undefined> => {
      const about = await this.store.about(file);
      return about === undefined ? undefined : [file, about];
    });
    return found.filter((one) => one !== undefined);
  }

  /** The folder that a session in one of these files names, newest first. */
  async #pathOf(files: readonly SessionFile[]): Promise<string | null> {
    for (const file of files.slice(0, ASKED_FOR_PATH)) {
      const path = (await this.store.about(file))?.projectPath;
      if (typeof path === "string") return path;
    }
    return null;
  }
}

function newestFirst(files: SessionFile[]): SessionFile[] {
  return files.sort((one, other) =>
    other.mtime - one.mtime || (one.path < other.path ? -1 : one.path > other.path ? 1 : 0)
  );
}

function show(file: SessionFile, about: About): HistorySession {
  return {
    id: about.id,
    project_id: about.projectId,
    project_path: about.projectPath,
    title: about.title,
    created_at: about.createdAt,
    updated_at: iso(file.mtime),
    bytes: file.size,
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
