/**
 * Copilot CLI: a folder a session, `~/.copilot/session-state/<id>/`, with `events.jsonl` and
 * `workspace.yaml`.
 *
 * @module
 */

import { join } from "@std/path";
import { Abouts } from "./abouts.ts";
import { belongsByPath, projectOf } from "./by_path.ts";
import { folderOf, isInside, isUuid } from "./confine.ts";
import { headOf } from "./ends.ts";
import { look, namesIn, readSmall, removeIfThere, statFile } from "./files.ts";
import { type About, FileHistory, type FileStore, type SessionFile } from "./listing.ts";
import type { Environment, HistoryStore } from "./mod.ts";
import type { Source } from "./source.ts";
import { object, oneLine, text, textsIn, time } from "./text.ts";
import { Transcripts } from "./transcript.ts";
import { flatYaml } from "./yaml.ts";

const EVENTS = "events.jsonl";
/** Largest `workspace.yaml` that is read, in bytes. */
const MAX_WORKSPACE = 256 * 1024;

function sessions(home: string, env: Environment): string {
  return join(folderOf(env, "COPILOT_HOME") ?? join(home, ".copilot"), "session-state");
}

/** See {@linkcode HISTORIES}. */
export const copilot: HistoryStore = {
  variables: ["COPILOT_HOME"],
  folders: (home, env) => ({ read: [sessions(home, env)], write: [sessions(home, env)] }),
  open: (home, env) => new FileHistory(copilotStore(sessions(home, env))),
};

function copilotStore(root: string): FileStore {
  const abouts = new Abouts(aboutOf);
  const transcripts = new Transcripts();
  const file = (id: string): SessionFile | undefined => {
    const path = join(root, id, EVENTS);
    const stat = statFile(path);
    return stat && { id, path, projectId: undefined, ...stat };
  };
  const ids = async () => (await namesIn(root, "directory")).filter(isUuid);
  return {
    files: async () => await look(await ids(), file),
    find: async (id) => await look((await ids()).filter((one) => one === id), file),
    about: (one) => abouts.of(one),
    belongs: (_file, about, where) => belongsByPath(about, where),
    records: (path, limit, offset) => transcripts.page(path, limit, offset),
    // The CLI keeps some of it in an index for searching too, and leaves that as well.
    remove: async (id) => {
      const folder = join(root, id);
      if (await isInside(root, folder)) await removeIfThere(folder);
    },
  };
}

async function aboutOf(source: Source, file: SessionFile): Promise<About | undefined> {
  const yaml = await readSmall(join(file.path, "..", "workspace.yaml"), MAX_WORKSPACE);
  const workspace = flatYaml(yaml ?? "");
  let cwd = text(workspace.get("cwd"));
  let title = text(workspace.get("name")) ?? text(workspace.get("summary"));
  let createdAt = time(workspace.get("created_at"));
  if (cwd === undefined || title === undefined || createdAt === null) {
    for await (const { type, data } of headOf(source)) {
      const event = object(data);
      if (type === "session.start") {
        cwd ??= text(object(event?.context)?.cwd);
        createdAt ??= time(event?.startTime);
      } else if (type === "user.message") {
        title ??= textsIn(event?.content)[0];
      }
      if (cwd !== undefined && title !== undefined) break;
    }
  }
  return { id: file.id, title: oneLine(title), createdAt, ...projectOf(cwd) };
}
