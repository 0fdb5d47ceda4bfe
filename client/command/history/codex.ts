/**
 * Codex: `~/.codex/sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl`, packed (`.zst`) when they
 * are old, and a database that knows their names. The files count: the database may lack, be of a
 * version that is not known here, or name files that are gone.
 *
 * @module
 */

import { join, sep } from "@std/path";
import { Problem } from "../problem.ts";
import { Abouts } from "./abouts.ts";
import { belongsByPath, projectOf } from "./by_path.ts";
import { type CodexThread, CodexThreads, databasesIn, isSubagent } from "./codex_threads.ts";
import { folderOf, isInside, isUuid } from "./confine.ts";
import { headOf } from "./ends.ts";
import { look, namesIn, removeIfThere, statFile } from "./files.ts";
import {
  type About,
  FileHistory,
  type FileStore,
  type SessionFile,
  type Where,
} from "./listing.ts";
import type { Environment, HistoryStore } from "./mod.ts";
import type { Source } from "./source.ts";
import { type Json, object, oneLine, text, textsIn, time } from "./text.ts";
import { type Records, Transcripts } from "./transcript.ts";

const FILE =
  /^rollout-.*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.jsonl(\.zst)?$/i;
/** Folders of years, months and days. */
const DATE = [/^\d{4}$/, /^\d{2}$/, /^\d{2}$/];
/** What the CLI itself puts before the first prompt. */
const NO_PROMPT = /^\s*(?:<[a-z][\w-]*[\s>]|# AGENTS\.md instructions)/;

function folder(home: string, env: Environment): string {
  return folderOf(env, "CODEX_HOME") ?? join(home, ".codex");
}

function databases(home: string, env: Environment): string {
  return folderOf(env, "CODEX_SQLITE_HOME") ?? folder(home, env);
}

/** See {@linkcode HISTORIES}. */
export const codex: HistoryStore = {
  variables: ["CODEX_HOME", "CODEX_SQLITE_HOME"],
  folders: (home, env) => ({
    read: [
      join(folder(home, env), "sessions"),
      ...databasesIn(databases(home, env)).flatMap((path) => [path, `${path}-wal`]),
    ],
    write: [join(folder(home, env), "sessions")],
  }),
  open: (home, env) =>
    new FileHistory(
      new CodexStore(
        join(folder(home, env), "sessions"),
        new CodexThreads(databases(home, env)),
      ),
    ),
};

class CodexStore implements FileStore {
  readonly #abouts = new Abouts(aboutOf);
  readonly #transcripts = new Transcripts();

  constructor(private readonly root: string, private readonly threads: CodexThreads) {}

  async files(): Promise<SessionFile[]> {
    const files: SessionFile[] = [];
    for (const day of await this.#days()) {
      const names = new Set(await namesIn(day, "file"));
      const found = await look([...names], (name) => {
        const id = FILE.exec(name)?.[1]?.toLowerCase();
        // A file that is just being packed or unpacked is there in both forms.
        if (id === undefined || name.endsWith(".zst") && names.has(name.slice(0, -4))) return;
        const path = `${day}${sep}${name}`;
        const stat = statFile(path);
        return stat && { id, path, projectId: undefined, ...stat };
      });
      for (const file of found) files.push(file);
    }
    await this.threads.refresh();
    return files;
  }

  async find(id: string): Promise<SessionFile[]> {
    if (!isUuid(id)) return [];
    const found = (await this.files()).filter((file) => file.id === id.toLowerCase());
    return found.sort((one, other) => other.mtime - one.mtime);
  }

  async about(file: SessionFile): Promise<About | undefined> {
    const thread = this.threads.get(file.id);
    if (thread !== undefined) return thread.subagent ? undefined : aboutThread(file, thread);
    return await this.#abouts.of(file);
  }

  belongs(_file: SessionFile, about: About, where: Where): boolean {
    return belongsByPath(about, where);
  }

  records(path: string, limit: number, offset: number): Promise<Records | undefined> {
    return this.#transcripts.page(path, limit, offset);
  }

  /** The databases hold parts of a session too, and are written by whatever Codex is running. */
  async remove(id: string, files: readonly SessionFile[]): Promise<void> {
    if (this.threads.exist) {
      const command = ["codex", "delete", "--force", id];
      throw new Problem(
        422,
        `Codex keeps parts of this session in its databases, which only Codex itself may change. Run: ${
          command.join(" ")
        }`,
        { command },
      );
    }
    for (const { path } of files) {
      if (!await isInside(this.root, path)) continue;
      const plain = path.replace(/\.zst$/, "");
      for (const form of [plain, `${plain}.zst`]) await removeIfThere(form);
    }
  }

  async #days(): Promise<string[]> {
    let folders = [this.root];
    for (const name of DATE) {
      const below: string[] = [];
      for (const parent of folders) {
        const names = await namesIn(parent, "directory");
        below.push(...names.filter((one) => name.test(one)).map((one) => join(parent, one)));
      }
      folders = below;
    }
    return folders;
  }
}

function aboutThread(file: SessionFile, { cwd, title, createdAt }: CodexThread): About {
  return { id: file.id, title, createdAt, ...projectOf(cwd) };
}

async function aboutOf(source: Source, file: SessionFile): Promise<About | undefined> {
  let meta: Json | undefined;
  let prompt: string | undefined;
  for await (const record of headOf(source)) {
    const payload = object(record.payload);
    // A session that was forked begins with a copy of the other one, its head included.
    if (record.type === "session_meta") meta ??= payload;
    else prompt ??= promptIn(record.type, payload);
    if (meta !== undefined && prompt !== undefined) break;
  }
  if (meta === undefined || isSubagent(meta.source, meta.thread_source)) return undefined;
  return {
    id: file.id,
    title: oneLine(prompt),
    createdAt: time(meta.timestamp),
    ...projectOf(text(meta.cwd)),
  };
}

/** What a person said in a record, in the forms that versions of Codex wrote. */
function promptIn(type: unknown, payload: Json | undefined): string | undefined {
  const item = object(payload?.item);
  const texts = type === "response_item" && payload?.role === "user"
    ? textsIn(payload.content)
    : type === "event_msg" && payload?.type === "user_message"
    ? textsIn(payload.message)
    : type === "event_msg" && item?.type === "UserMessage"
    ? textsIn(item.content)
    : [];
  return texts.find((one) => !NO_PROMPT.test(one));
}
