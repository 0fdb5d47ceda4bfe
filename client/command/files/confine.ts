/**
 * Paths that a visitor may look at: below a folder that was named, once all links are resolved.
 *
 * @module
 */

import { resolve } from "@std/path";
import type { Stats } from "node:fs";
import { constants, type FileHandle, open } from "node:fs/promises";
import { Problem } from "../problem.ts";
import { isBelow } from "../sessions/project.ts";

/** Links are not followed, and what only pretends to be a file (a pipe) is not waited for. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Folders that may be looked at, links resolved. */
export type Roots = readonly [string, ...string[]];

/**
 * The place that a path leads to.
 *
 * @param path relative ones start at the first root.
 * @throws {Problem} 404 when it leads to nothing below a root. It does not say whether to something
 * else: what exists elsewhere is nobody's business. 403 when arpc itself may not look there.
 */
export async function locate(path: string, roots: Roots): Promise<string> {
  const nothing = new Problem(
    404,
    `There is nothing at ${JSON.stringify(path.slice(0, 500))} below ${roots.join(" or ")}`,
  );
  if (path.includes("\0")) throw nothing;
  let real: string;
  try {
    real = await Deno.realPath(resolve(roots[0], path));
  } catch (error) {
    throw error instanceof Deno.errors.PermissionDenied ? unreadable(path) : nothing;
  }
  if (isBelow(real, roots)) return real;
  throw nothing;
}

/** A file that is open for reading, which its owner closes. */
export interface OpenFile {
  handle: FileHandle;
  info: Stats;
}

/**
 * Opens a file, and makes sure that what was opened is what {@link locate} found: somebody who works
 * in the folder may put a link in its place meanwhile.
 *
 * @param real as {@link locate} gives it.
 * @throws {Problem} 422 on what is no regular file, 404 when it is gone or something else now, 403
 * when it may not be read.
 */
export async function openFile(real: string): Promise<OpenFile> {
  const gone = new Problem(404, `${JSON.stringify(real)} has just been moved or removed`);
  let handle: FileHandle;
  try {
    handle = await open(real, FLAGS);
  } catch (error) {
    const { code } = error as { code?: string };
    throw code === "EACCES" || code === "EPERM" ? unreadable(real) : gone;
  }
  try {
    const info = await handle.stat();
    if (info.isDirectory()) throw new Problem(422, `${JSON.stringify(real)} is a folder`);
    if (!info.isFile()) throw new Problem(422, `${JSON.stringify(real)} is no regular file`);
    if (!await leadsTo(real, info)) throw gone;
    return { handle, info };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Whether a path still leads, without any link, to the file that was opened by it. */
async function leadsTo(real: string, { dev, ino }: Stats): Promise<boolean> {
  try {
    const found = await Deno.lstat(real);
    // Windows has no such numbers for a path; there the way must do.
    const same = found.ino === null || (found.dev === dev && found.ino === ino);
    return same && await Deno.realPath(real) === real;
  } catch {
    return false;
  }
}

function unreadable(path: string): Problem {
  return new Problem(403, `arpc may not read ${JSON.stringify(path.slice(0, 500))}`);
}
