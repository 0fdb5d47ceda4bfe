/**
 * Gemini CLI: `~/.gemini/tmp/<project>/chats/session-<minute>-<8 of the id>.jsonl`, a log of changes.
 * Older versions wrote one JSON document instead (`.json`), and named the folder of a project by the
 * SHA-256 of its path.
 *
 * @module
 */

import { join, sep } from "@std/path";
import { Abouts } from "./abouts.ts";
import { folderOf, isInside, isName } from "./confine.ts";
import { headOf, tailOf } from "./ends.ts";
import { isFolder, look, namesIn, removeIfThere, statFile } from "./files.ts";
import { GeminiProjects } from "./gemini_projects.ts";
import { MAX_LINE, parseRecord } from "./jsonl.ts";
import {
  type About,
  FileHistory,
  type FileStore,
  type SessionFile,
  type Where,
} from "./listing.ts";
import type { Environment, HistoryStore } from "./mod.ts";
import { messagesIn, PatchedTranscripts } from "./patched.ts";
import { Source } from "./source.ts";
import { type Json, object, oneLine, text, textsIn, time } from "./text.ts";
import type { Records } from "./transcript.ts";

/** A session's id, and its first eight characters in the name of its file. */
const ID = /^[A-Za-z0-9_-]{8,128}$/;
const FILE = /^session-.*-([A-Za-z0-9_-]{8})\.(jsonl?)$/;
/** What a user's message begins with that is none, as the CLI itself tells them apart. */
const NO_PROMPT = /^\s*(?:[/?]|<session_context>|<hook_context>)/;

function root(home: string, env: Environment): string {
  return join(folderOf(env, "GEMINI_CLI_HOME") ?? home, ".gemini");
}

/** See {@linkcode HISTORIES}. */
export const gemini: HistoryStore = {
  variables: ["GEMINI_CLI_HOME"],
  folders: (home, env) => ({
    read: [join(root(home, env), "tmp"), join(root(home, env), "projects.json")],
    write: [join(root(home, env), "tmp")],
  }),
  open: (home, env) => new FileHistory(new GeminiStore(root(home, env))),
};

class GeminiStore implements FileStore {
  readonly #root: string;
  readonly #projects: GeminiProjects;
  readonly #abouts = new Abouts((source, file) => this.#look(source, file));
  readonly #transcripts = new PatchedTranscripts();

  constructor(folder: string) {
    this.#root = join(folder, "tmp");
    this.#projects = new GeminiProjects(folder);
  }

  async files({ projectId, projectPath }: Where): Promise<SessionFile[]> {
    const files: SessionFile[] = [];
    for (const project of await namesIn(this.#root, "directory")) {
      if (!isName(project) || projectId !== undefined && project !== projectId) continue;
      if (projectPath !== undefined && !await this.#projects.is(project, projectPath)) continue;
      for (const file of await this.#filesOf(project)) files.push(file);
    }
    return files;
  }

  async find(id: string): Promise<SessionFile[]> {
    if (!ID.test(id)) return [];
    const found: SessionFile[] = [];
    for (const file of await this.files({})) {
      if (file.id === id.slice(0, 8) && (await this.about(file))?.id === id) found.push(file);
    }
    return found.sort((one, other) => other.mtime - one.mtime);
  }

  async about(file: SessionFile): Promise<About | undefined> {
    const about = await this.#abouts.of(file);
    // The path is kept apart: it may become known while the session stays as it is.
    return about && { ...about, projectPath: await this.#projects.pathOf(file.projectId!) };
  }

  belongs(): boolean {
    return true;
  }

  async records(path: string, limit: number, offset: number): Promise<Records | undefined> {
    if (path.endsWith("l")) return await this.#transcripts.page(path, limit, offset);
    using source = await Source.open(path);
    if (source === undefined) return undefined;
    const document = await wholeDocument(source);
    const all = (messagesIn(document ?? {}) ?? []).map(object).filter((one) => one !== undefined);
    return {
      messages: all.slice(offset, offset + limit),
      total: all.length,
      broken: document === undefined ? 1 : 0,
    };
  }

  /** Removes what the CLI itself removes with a session. */
  async remove(id: string, files: readonly SessionFile[]): Promise<void> {
    for (const { path, projectId } of files) {
      if (!await isInside(this.#root, path)) continue;
      await removeIfThere(path.replace(/l$/, ""));
      await removeIfThere(`${path.replace(/l$/, "")}l`);
      const project = join(this.#root, projectId!);
      const others = [
        join(project, "chats", id),
        join(project, "logs", `session-${id}.jsonl`),
        join(project, "tool-outputs", `session-${id}`),
        ...RESERVED.has(id.toLowerCase()) ? [] : [join(project, id)],
      ];
      for (const other of others) {
        if (await isInside(this.#root, other)) await removeIfThere(other);
      }
    }
  }

  async #filesOf(projectId: string): Promise<SessionFile[]> {
    const folder = join(this.#root, projectId, "chats");
    if (!isFolder(folder)) return [];
    const names = new Set(await namesIn(folder, "file"));
    return await look([...names], (name) => {
      const id = FILE.exec(name)?.[1];
      // A session that was gone on with has been written anew as a log.
      if (id === undefined || names.has(`${name}l`)) return undefined;
      const path = `${folder}${sep}${name}`;
      const stat = statFile(path);
      return stat && { id, path, projectId, ...stat };
    });
  }

  async #look(source: Source, file: SessionFile): Promise<About | undefined> {
    const records = file.path.endsWith("l") ? headOf(source) : document(source);
    let head: Json | undefined;
    let title: string | undefined;
    let prompt: string | undefined;
    for await (const record of records) {
      head ??= text(record.sessionId) === undefined ? undefined : record;
      title = text(record.summary) ?? text(object(record.$set)?.summary) ?? title;
      prompt ??= promptIn([record, ...messagesIn(record) ?? []]);
      if (head !== undefined && prompt !== undefined) break;
    }
    if (head === undefined || head.kind === "subagent") return undefined;
    const last = (await tailOf(source)).map(({ $set }) => text(object($set)?.summary));
    return {
      id: text(head.sessionId)!,
      projectId: file.projectId!,
      projectPath: null,
      title: oneLine(last.find((one) => one !== undefined) ?? title ?? prompt),
      createdAt: time(head.startTime),
    };
  }
}

/** The CLI's own folders beside those that are named after sessions. */
const RESERVED = new Set(["chats", "logs", "tool-outputs"]);

function promptIn(messages: readonly unknown[]): string | undefined {
  for (const message of messages) {
    const { type, content } = object(message) ?? {};
    if (type !== "user") continue;
    const prompt = textsIn(content).find((one) => !NO_PROMPT.test(one));
    if (prompt !== undefined) return prompt;
  }
  return undefined;
}

async function* document(source: Source): AsyncGenerator<Json> {
  const whole = await wholeDocument(source);
  if (whole !== undefined) yield whole;
}

async function wholeDocument(source: Source): Promise<Json | undefined> {
  return source.size > MAX_LINE ? undefined : parseRecord(await source.read(0, source.size));
}
