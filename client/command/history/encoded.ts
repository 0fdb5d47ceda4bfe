/**
 * Stores with a folder a project, named after the project's path with every character but letters
 * and digits made a `-`. Such a name fits many paths: which one is meant only a record says.
 *
 * @module
 */

import { join, sep } from "@std/path";
import { isName, samePath } from "./confine.ts";
import { isFolder, look, namesIn, statFile } from "./files.ts";
import type { About, SessionFile, Where } from "./listing.ts";

/** Longest name that is kept whole; a longer one is cut, and gets a hash behind it. */
const WHOLE_NAME = 200;
const SUFFIX = ".jsonl";

/** A store of this kind. */
export class EncodedFolders {
  /**
   * @param root with the folders of the projects.
   * @param inner the folder in them with the sessions; empty when that is the same one.
   * @param isId whether this can be the id of a session, and so the name of its file.
   */
  constructor(
    readonly root: string,
    private readonly inner: string,
    private readonly isId: (id: string) => boolean,
  ) {}

  /** See {@linkcode FileStore.files}. */
  async files(where: Where): Promise<SessionFile[]> {
    const files: SessionFile[] = [];
    for (const project of await this.#projects(where)) {
      const folder = this.#folder(project);
      const found = await look(await namesIn(folder, "file"), (name) => {
        const id = name.slice(0, -SUFFIX.length);
        return name.endsWith(SUFFIX) && this.isId(id) ? fileOf(project, folder, id) : undefined;
      });
      for (const file of found) files.push(file);
    }
    return files;
  }

  /** See {@linkcode FileStore.find}. */
  async find(id: string): Promise<SessionFile[]> {
    if (!this.isId(id)) return [];
    const found = await look(
      await this.#projects({}),
      (project) => fileOf(project, this.#folder(project), id),
    );
    return found.sort((one, other) => other.mtime - one.mtime);
  }

  /** See {@linkcode FileStore.belongs}. */
  belongs({ projectId }: SessionFile, { projectPath }: About, where: Where): boolean {
    const wanted = where.projectPath;
    if (wanted === undefined || projectPath === null || samePath(projectPath, wanted)) return true;
    // A session that was begun in this folder and names another one went there; what names a folder
    // that fits as well is of that one.
    return !isEncoded(projectId!, projectPath);
  }

  /** The folder of a project with its sessions. */
  #folder(project: string): string {
    return join(this.root, project, this.inner);
  }

  async #projects({ projectId, projectPath }: Where): Promise<string[]> {
    return (await namesIn(this.root, "directory")).filter((name) =>
      isName(name) && (projectId === undefined || name === projectId) &&
      (projectPath === undefined || isEncoded(name, projectPath)) &&
      // The outer folder is no link; the inner one may still be.
      (this.inner === "" || isFolder(this.#folder(name)))
    );
  }
}

function fileOf(projectId: string, folder: string, id: string): SessionFile | undefined {
  // Not by `join`, which takes longer than to look at the file.
  const path = `${folder}${sep}${id}${SUFFIX}`;
  const stat = statFile(path);
  return stat && { id, path, projectId, ...stat };
}

/** Whether a folder's name can stand for a path. */
export function isEncoded(name: string, path: string): boolean {
  const whole = path.normalize("NFC").replace(/(?<=[^/\\:])[/\\]+$/, "");
  const encoded = fold(whole.replace(/[^A-Za-z0-9]/g, "-"));
  if (encoded.length <= WHOLE_NAME) return fold(name) === encoded;
  return fold(name) === encoded || fold(name).startsWith(`${encoded.slice(0, WHOLE_NAME)}-`);
}

/** Paths on Windows mean the same in both cases, and not all CLIs keep the one they were given. */
function fold(name: string): string {
  return Deno.build.os === "windows" ? name.toLowerCase() : name;
}
