/**
 * Qwen Code: `~/.qwen/projects/<project>/chats/<session>.jsonl`, with small files about the session
 * beside it.
 *
 * @module
 */

import { isAbsolute, join } from "@std/path";
import { Abouts } from "./abouts.ts";
import { isInside } from "./confine.ts";
import { EncodedFolders } from "./encoded.ts";
import { headOf, tailOf } from "./ends.ts";
import { removeIfThere } from "./files.ts";
import { type About, FileHistory, type FileStore, type SessionFile } from "./listing.ts";
import type { Environment, HistoryStore } from "./mod.ts";
import type { Source } from "./source.ts";
import { object, oneLine, text, textsIn, time } from "./text.ts";
import { Transcripts } from "./transcript.ts";

/** What the CLI itself removes with a transcript. */
const SIDECARS = [".jsonl", ".ledger.jsonl", ".worktree.json", ".pr.json", ".runtime.json"];

/** The folder with the projects: what is written at run time may lie apart from the settings. */
function projects(home: string, env: Environment): string {
  const own = ["QWEN_RUNTIME_DIR", "QWEN_HOME"].map((name) => expanded(env(name), home))
    .find((folder) => folder !== undefined);
  return join(own ?? join(home, ".qwen"), "projects");
}

/** Qwen reads a `~` in its variables. */
function expanded(value: string | undefined, home: string): string | undefined {
  if (value === undefined) return undefined;
  if (/^~(?:[/\\]|$)/.test(value)) return join(home, value.slice(1));
  return isAbsolute(value) ? value : undefined;
}

/** See {@linkcode HISTORIES}. */
export const qwen: HistoryStore = {
  variables: ["QWEN_RUNTIME_DIR", "QWEN_HOME"],
  folders: (home, env) => ({ read: [projects(home, env)], write: [projects(home, env)] }),
  open: (home, env) => new FileHistory(qwenStore(projects(home, env))),
};

function qwenStore(root: string): FileStore {
  const folders = new EncodedFolders(root, "chats", (id) => /^[0-9a-fA-F-]{32,36}$/.test(id));
  const abouts = new Abouts(aboutOf);
  const transcripts = new Transcripts();
  return {
    files: (where) => folders.files(where),
    find: (id) => folders.find(id),
    about: (file) => abouts.of(file),
    belongs: (file, about, where) => folders.belongs(file, about, where),
    records: (path, limit, offset) => transcripts.page(path, limit, offset),
    remove: async (_id, files) => {
      for (const { path } of files) {
        if (!await isInside(root, path)) continue;
        const stem = path.slice(0, -".jsonl".length);
        for (const suffix of SIDECARS) await removeIfThere(stem + suffix);
      }
    },
  };
}

async function aboutOf(source: Source, file: SessionFile): Promise<About | undefined> {
  let projectPath: string | undefined;
  let createdAt: string | null = null;
  let prompt: string | undefined;
  let any = false;
  for await (const record of headOf(source)) {
    any = true;
    projectPath ??= text(record.cwd);
    createdAt ??= time(record.timestamp);
    if (record.type !== "user" || record.subtype !== undefined) continue;
    const shown = text(object(record.systemPayload)?.displayText);
    prompt ??= shown ?? textsIn(object(record.message)?.parts)[0];
    if (prompt !== undefined && projectPath !== undefined) break;
  }
  if (!any) return undefined;
  const named = (await tailOf(source)).find(({ subtype }) => subtype === "custom_title");
  const title = text(object(named?.systemPayload)?.customTitle);
  return {
    id: file.id,
    projectId: file.projectId!,
    projectPath: projectPath ?? null,
    title: oneLine(title ?? prompt),
    createdAt,
  };
}
