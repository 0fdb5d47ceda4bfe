/**
 * Files that clients of coder/agentapi upload, to name their paths in a message.
 *
 * @module
 */

import { join } from "@std/path";
import { Problem } from "../problem.ts";
import { safeName } from "../sessions/attachments.ts";

/** As large as a file may be there, too. */
const MAX_FILE = 10 * 1024 * 1024;
/** Files of one session. */
const MAX_FILES = 100;

/**
 * Writes a file beside what was attached to the session, with which it goes away.
 *
 * @returns its path.
 * @throws {Problem} 400 when it is too large, or there are too many.
 */
export async function saveUpload(
  stateFolder: string,
  session: string,
  file: File,
): Promise<string> {
  if (file.size > MAX_FILE) throw new Problem(400, "file size exceeds 10MB limit");
  const folder = join(stateFolder, "attachments", session);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  if (names.filter((name) => name.startsWith("upload-")).length >= MAX_FILES) {
    throw new Problem(400, `This session has ${MAX_FILES} files already`);
  }
  const path = join(folder, `upload-${crypto.randomUUID().slice(0, 8)}-${safeName(file.name)}`);
  await Deno.writeFile(path, file.stream(), { createNew: true, mode: 0o600 });
  return path;
}
