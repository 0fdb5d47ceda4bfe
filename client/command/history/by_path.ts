/**
 * Projects of CLIs whose stores have none: the folders that their sessions name.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { samePath } from "./confine.ts";
import type { About, Where } from "./listing.ts";

/** The project that a folder is. @param path undefined when a session names none. */
export function projectOf(path: string | undefined): Pick<About, "projectId" | "projectPath"> {
  if (path === undefined) return { projectId: "unknown", projectPath: null };
  const hash = createHash("sha256").update(path).digest("hex");
  return { projectId: hash.slice(0, 32), projectPath: path };
}

/** Whether something in such a project is asked for. */
export function belongsByPath(
  { projectId, projectPath }: Pick<About, "projectId" | "projectPath">,
  where: Where,
): boolean {
  return (where.projectId === undefined || projectId === where.projectId) &&
    (where.projectPath === undefined ||
      projectPath !== null && samePath(projectPath, where.projectPath));
}
