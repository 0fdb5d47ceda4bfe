/**
 * What is in a folder.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { isBelow } from "../sessions/project.ts";
import type { Roots } from "./confine.ts";

/** Names of one folder that are looked at; the rest is left out. */
const MAX_NAMES = 50_000;

/** One of them, as the API shows it. */
export const Entry = z.object({
  name: z.string(),
  type: z.enum(["file", "folder", "other"]).openapi({
    description:
      "What it is, or what its link leads to. `other`: a device or the like, or a link " +
      "that leads to nothing, or out of the folders that may be looked at",
  }),
  link: z.boolean(),
  hidden: z.boolean().openapi({ description: "Its name starts with a dot" }),
  size: z.int().nullable().openapi({ description: "Of a file, in bytes" }),
  modified_at: z.iso.datetime().nullable(),
}).openapi("Entry");
/** See {@link Entry}. */
export type Entry = z.infer<typeof Entry>;

/** A folder, as the API shows it. */
export const Folder = z.object({
  path: z.string(),
  parent: z.string().nullable().openapi({ description: "Unless that may not be looked at" }),
  roots: z.array(z.string()).openapi({ description: "Folders that may be looked at" }),
  entries: z.array(Entry),
  total: z.int(),
  truncated: z.boolean().openapi({
    description: `There are more than ${MAX_NAMES}, and those that are left out are any`,
  }),
}).openapi("Folder");
/** See {@link Folder}. */
export type Folder = z.infer<typeof Folder>;

/** Which of them to show. */
export interface ListOptions {
  hidden: boolean;
  limit: number;
  offset: number;
}

const names = new Intl.Collator("en", { numeric: true });

/**
 * Lists a folder: folders first, then by name.
 *
 * @param real the folder, links resolved.
 * @throws {Problem} 422 when it is none, 403 when it may not be read, 404 when it is gone.
 */
export async function listFolder(
  real: string,
  roots: Roots,
  { hidden, limit, offset }: ListOptions,
): Promise<Folder> {
  const { found, truncated } = await read(real, hidden);
  found.sort((a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) || names.compare(a.name, b.name)
  );
  const page = found.slice(offset, offset + limit);
  const parent = dirname(real);
  return {
    path: real,
    parent: parent !== real && isBelow(parent, roots) ? parent : null,
    roots: [...roots],
    entries: await Promise.all(page.map((entry) => describe(real, entry, roots))),
    total: found.length,
    truncated,
  };
}

async function read(
  real: string,
  hidden: boolean,
): Promise<{ found: Deno.DirEntry[]; truncated: boolean }> {
  const found: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(real)) {
      if (!hidden && isHidden(entry)) continue;
      if (found.length === MAX_NAMES) return { found, truncated: true };
      found.push(entry);
    }
  } catch (error) {
    const path = JSON.stringify(real);
    if (error instanceof Deno.errors.NotADirectory) throw new Problem(422, `${path} is no folder`);
    if (error instanceof Deno.errors.NotFound) throw new Problem(404, `${path} is gone`);
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new Problem(403, `arpc may not read ${path}`);
  }
  return { found, truncated: false };
}

const isHidden = ({ name }: Deno.DirEntry): boolean => name.startsWith(".");

async function describe(folder: string, entry: Deno.DirEntry, roots: Roots): Promise<Entry> {
  const { name, isSymlink: link } = entry;
  const shown: Entry = {
    name,
    type: "other",
    link,
    hidden: isHidden(entry),
    size: null,
    modified_at: null,
  };
  try {
    const path = link ? await Deno.realPath(join(folder, name)) : join(folder, name);
    if (link && !isBelow(path, roots)) return shown;
    const { isFile, isDirectory, size, mtime } = await Deno.lstat(path);
    return {
      ...shown,
      type: isFile ? "file" : isDirectory ? "folder" : "other",
      size: isFile ? size : null,
      modified_at: mtime?.toISOString() ?? null,
    };
  } catch {
    return shown; // It is gone, or leads nowhere.
  }
}
