/**
 * Which project a folder of Gemini CLI belongs to.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { samePath } from "./confine.ts";
import { readSmall, statFile } from "./files.ts";
import { object, text } from "./text.ts";

/** Largest file that is read for it, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Looks up the paths of projects. */
export class GeminiProjects {
  #known: { mtime: number; size: number; paths: ReadonlyMap<string, string> } | undefined;

  /** @param folder the CLI's own. */
  constructor(private readonly folder: string) {}

  /** The path of a project by the name of its folder; null when nothing tells it. */
  async pathOf(name: string): Promise<string | null> {
    const listed = (await this.#listed()).get(name);
    if (listed !== undefined) return listed;
    const marker = join(this.folder, "tmp", name, ".project_root");
    return text(await readSmall(marker, MAX_BYTES))?.trim() ?? null;
  }

  /** Whether a folder is that of a project. */
  async is(name: string, path: string): Promise<boolean> {
    const known = await this.pathOf(name);
    return known === null ? name === hashOf(path) : samePath(known, path);
  }

  /** The projects that the CLI lists, by the names of their folders, those of older versions too. */
  async #listed(): Promise<ReadonlyMap<string, string>> {
    const file = join(this.folder, "projects.json");
    const { mtime = 0, size = 0 } = statFile(file) ?? {};
    if (this.#known?.mtime === mtime && this.#known.size === size) return this.#known.paths;
    const paths = new Map<string, string>();
    for (const [path, name] of Object.entries(projectsIn(await readSmall(file, MAX_BYTES)))) {
      if (typeof name === "string") paths.set(name, path);
      paths.set(hashOf(path), path);
    }
    this.#known = { mtime, size, paths };
    return paths;
  }
}

function projectsIn(json: string | undefined): Record<string, unknown> {
  try {
    return object(object(JSON.parse(json ?? "{}"))?.projects) ?? {};
  } catch {
    return {};
  }
}

function hashOf(path: string): string {
  return createHash("sha256").update(path).digest("hex");
}
