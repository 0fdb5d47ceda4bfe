/**
 * Claude Code: `~/.claude/projects/<project>/<session>.jsonl`, with a folder of the session's name
 * beside it for what its sub-agents and tools wrote.
 *
 * @module
 */

import { join } from "@std/path";
import { Abouts } from "./abouts.ts";
import { folderOf, isInside, isUuid } from "./confine.ts";
import { EncodedFolders } from "./encoded.ts";
import { headOf, tailOf } from "./ends.ts";
import { removeIfThere } from "./files.ts";
import { type About, FileHistory, type FileStore, type SessionFile } from "./listing.ts";
import type { Environment, HistoryStore } from "./mod.ts";
import type { Source } from "./source.ts";
import { type Json, object, oneLine, text, textsIn, time } from "./text.ts";
import { Transcripts } from "./transcript.ts";

/** Records that name a session, the best first, and the key with the name. */
const TITLES = [
  ["custom-title", "customTitle"],
  ["ai-title", "aiTitle"],
  ["summary", "summary"],
  ["last-prompt", "lastPrompt"],
] as const;

/** What stands in the place of a prompt, but was not typed as one: most of it comes in tags. */
const NO_PROMPT =
  /^\s*(?:<[a-z][\w-]*[\s>]|\[Request interrupted by user|Caveat: The messages below)/;

function projects(home: string, env: Environment): string {
  const config = folderOf(env, "CLAUDE_CONFIG_DIR") ?? join(home, ".claude");
  return join(config.normalize("NFC"), "projects");
}

/** See {@linkcode HISTORIES}. */
export const claude: HistoryStore = {
  variables: ["CLAUDE_CONFIG_DIR"],
  folders: (home, env) => ({ read: [projects(home, env)], write: [projects(home, env)] }),
  open: (home, env) => new FileHistory(claudeStore(projects(home, env))),
};

function claudeStore(root: string): FileStore {
  const folders = new EncodedFolders(root, "", isUuid);
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
        await removeIfThere(path);
        await removeIfThere(path.slice(0, -".jsonl".length));
      }
    },
  };
}

async function aboutOf(source: Source, file: SessionFile): Promise<About | undefined> {
  let projectPath: string | undefined;
  let createdAt: string | null = null;
  let prompt: string | undefined;
  let command: string | undefined;
  let spoken = false;
  const named: Json[] = [];
  for await (const record of headOf(source)) {
    projectPath ??= text(record.cwd);
    createdAt ??= time(record.timestamp);
    if (`${record.type}`.endsWith("-title")) named.unshift(record);
    if (record.type !== "user" && record.type !== "assistant") continue;
    // A sub-agent's own file; older versions kept them beside the sessions.
    if (!spoken && record.isSidechain === true) return undefined;
    spoken = true;
    const said = saidIn(record);
    prompt ??= said.find((one) => !NO_PROMPT.test(one));
    command ??= /<command-name>(.*?)<\/command-name>/.exec(said.join("\n"))?.[1];
    if (prompt !== undefined && projectPath !== undefined) break;
  }
  const title = titleOf([...await tailOf(source), ...named]);
  // Nothing was said in it, and nothing can be gone on with.
  if (!spoken && title === undefined) return undefined;
  return {
    id: file.id,
    projectId: file.projectId!,
    projectPath: projectPath ?? null,
    title: oneLine(title ?? prompt ?? command),
    createdAt,
  };
}

/** What a person may have said in a record. */
function saidIn(record: Json): string[] {
  const { type, isMeta, isCompactSummary, isSidechain } = record;
  if (type !== "user" || isMeta === true || isCompactSummary === true || isSidechain === true) {
    return [];
  }
  const content = object(record.message)?.content;
  const results = Array.isArray(content) &&
    content.some((part) => object(part)?.type === "tool_result");
  return results ? [] : textsIn(content);
}

/** The best title in some records, the last one first. */
function titleOf(records: readonly Json[]): string | undefined {
  for (const [type, key] of TITLES) {
    const title = records.find((record) => record.type === type && text(record[key]) !== undefined);
    if (title !== undefined) return text(title[key]);
  }
  return undefined;
}
