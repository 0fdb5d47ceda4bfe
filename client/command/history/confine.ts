/**
 * Names that come from outside, and files that must lie inside of a store.
 *
 * @module
 */

import { basename, dirname, isAbsolute, join, relative, sep } from "@std/path";
import type { Environment } from "./mod.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/** Whether an id is a UUID, whatever its version. */
export function isUuid(id: string): boolean {
  return UUID.test(id);
}

/** Whether this can be the name of a file or folder in a store, and of nothing elsewhere. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Whether a path lies below a folder once all links are resolved; a path that does not exist lies
 * nowhere. The last part of the path is not resolved: removing a link removes the link.
 */
export async function isInside(root: string, path: string): Promise<boolean> {
  try {
    const below = relative(await Deno.realPath(root), await Deno.realPath(join(path, "..")));
    return below === "" || !isAbsolute(below) && below !== ".." && !below.startsWith(`..${sep}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * A folder that a variable names. A relative one lies wherever a CLI is started, which nobody knows
 * here: it counts as none.
 */
export function folderOf(env: Environment, name: string): string | undefined {
  const value = env(name);
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

/**
 * The paths, and beside each the one that links in it lead to, where there are any: the runtime asks
 * for a permission for both. Where nothing may be read, nothing is added.
 */
export function withTargets(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => [path, targetOf(path)]))];
}

/** Of what is not there yet, the part that is counts. */
function targetOf(path: string): string {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return path;
  try {
    return Deno.realPathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(targetOf(parent), basename(path));
  }
}

/** Whether two paths mean the same folder, as far as their spelling tells. */
export function samePath(one: string, other: string): boolean {
  return spelling(one) === spelling(other);
}

function spelling(path: string): string {
  const whole = path.normalize("NFC").replace(/(?<=[^/\\:])[/\\]+$/, "");
  return Deno.build.os === "windows" ? whole.replaceAll("/", "\\").toLowerCase() : whole;
}
