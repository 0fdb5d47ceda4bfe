/**
 * Writing files that must not be there yet, or be replaced whole.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { UsageError } from "@agentx/common/cli";

/** A file to write. */
export interface NewFile {
  flag: string;
  path: string;
  text: string;
  /** Unix permissions. */
  mode: number;
}

/** Where a file is made that is to take the place of another. */
export function besides(path: string): string {
  return `${path}.new`;
}

/**
 * Writes them all, or none.
 *
 * @param force replaces those that are there; whoever reads one meanwhile gets all of it.
 * @throws {UsageError} that names the flag and the file.
 */
export async function writeNew(files: readonly NewFile[], force: boolean): Promise<void> {
  const made: string[] = [];
  try {
    for (const { flag, path, text, mode } of files) {
      const place = force ? besides(path) : path;
      // What an earlier run left behind may be open to others.
      if (force) await Deno.remove(place).catch(() => {});
      try {
        await Deno.writeTextFile(place, text, { createNew: true, mode });
      } catch (cause) {
        const why = cause instanceof Deno.errors.AlreadyExists
          ? "expected no such file, found one; --renew keeps the key, --force replaces both"
          : `cannot be written: ${reason(cause)}`;
        throw new UsageError(`${flag} ${path}: ${why}`, { cause });
      }
      made.push(place);
    }
    if (force) { for (const { path } of files) await Deno.rename(besides(path), path); }
  } catch (error) {
    for (const place of made) await Deno.remove(place).catch(() => {});
    throw error;
  }
}
