/**
 * Programs in `PATH`.
 *
 * @module
 */

import { delimiter, isAbsolute, join } from "@std/path";
import { readVariable } from "@agentx/common/cli";

const WINDOWS = Deno.build.os === "windows";

/**
 * The full path of a program, links not resolved: a permission to run it holds for exactly this
 * path. Folders that are not absolute are passed over, as is what may not be looked at.
 *
 * @param path the variable `PATH`.
 */
export function findProgram(
  name: string,
  path: string = readVariable("PATH") ?? "",
): string | undefined {
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.flatMap((folder) => suffixes().map((suffix) => join(folder, name + suffix)))
    .find(isProgram);
}

/** On Windows a program is told by its suffix; beside an npm one lies a shell script without any. */
function suffixes(): string[] {
  if (!WINDOWS) return [""];
  const runnable = [".com", ".exe", ".bat", ".cmd"];
  const known = (readVariable("PATHEXT") ?? "").toLowerCase().split(delimiter);
  const wanted = known.filter((suffix) => runnable.includes(suffix));
  return wanted.length > 0 ? wanted : runnable;
}

function isProgram(path: string): boolean {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return false;
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (WINDOWS || mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
