/**
 * Where a session may work.
 *
 * @module
 */

import { isAbsolute, join, relative, resolve, sep } from "@std/path";
import { Problem } from "../problem.ts";

/**
 * The folder that a request names, with links resolved.
 *
 * @param path absolute, or from the first root on, or from `~` on; the first root when undefined.
 * @param roots existing folders, links resolved.
 * @throws {Problem} 422 when it is no existing folder below a root. It does not say which of the two:
 * what exists elsewhere is nobody's business.
 */
export function projectFolder(
  path: string | undefined,
  roots: readonly string[],
  home: string,
): string {
  const [first = home] = roots;
  const match = /^~(?:[\\/](.*))?$/s.exec(path ?? "");
  const wanted = match === null ? resolve(first, path ?? ".") : join(home, match[1] ?? "");
  const refused = new Problem(
    422,
    `project_path: expected an existing folder below ${roots.join(" or ")} (--project-root), ` +
      `found ${JSON.stringify(path)}`,
  );
  // A root may have been named by way of a link, and so may a project.
  if (wanted.includes("\0")) throw refused;
  try {
    const real = Deno.realPathSync(wanted);
    if (isBelow(real, roots) && Deno.statSync(real).isDirectory) return real;
  } catch {
    /* not there, or not to be seen */
  }
  throw refused;
}

/** Whether a path is one of the folders, or lies in one; links are not resolved. */
export function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const way = relative(folder, path);
    return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  });
}
