/**
 * Looking into the folders of a store: links are never followed, and what vanishes meanwhile was
 * never there.
 *
 * @module
 */

/** How long calls that block may follow each other before others get their turn, in milliseconds. */
const SLICE_MS = 6;
/** Files that are read at the same time. */
const AT_ONCE = 16;

/** What is known of a file without reading it. */
export interface FileStat {
  /** When it was last written, in milliseconds. */
  mtime: number;
  size: number;
}

/** The names in a folder, of the kind asked for; none when the folder is not there. */
export async function namesIn(folder: string, kind: "file" | "directory"): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (kind === "file" ? entry.isFile : entry.isDirectory) names.push(entry.name);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return names;
}

/** What is known of a regular file; undefined for anything else, links included. */
export function statFile(path: string): FileStat | undefined {
  try {
    const { isFile, size, mtime } = Deno.lstatSync(path);
    return isFile ? { size, mtime: mtime?.getTime() ?? 0 } : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether this is a folder, and no link to one. */
export function isFolder(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/**
 * Looks at many files, and leaves out those that turn out to be none. A call that blocks takes a
 * quarter of the time that one which does not would, so these do, for a few milliseconds each turn.
 *
 * @param each gives what is to be kept.
 */
export async function look<T, R>(
  items: readonly T[],
  each: (item: T) => R | undefined,
): Promise<R[]> {
  const found: R[] = [];
  let since = performance.now();
  for (const item of items) {
    const one = each(item);
    if (one !== undefined) found.push(one);
    if (performance.now() - since < SLICE_MS) continue;
    // A timer lets sockets have their turn; `setImmediate` and messages do not.
    await new Promise((resolve) => setTimeout(resolve, 0));
    since = performance.now();
  }
  return found;
}

/** Does something for all items, a few at the same time; the results are in the items' order. */
export async function forAll<T, R>(
  items: readonly T[],
  each: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await each(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return results;
}

/** Reads a small text file; undefined when there is none, or when it is larger than that. */
export async function readSmall(path: string, max: number): Promise<string | undefined> {
  const stat = statFile(path);
  if (stat === undefined || stat.size > max) return undefined;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Removes a file, or a folder with all that is in it. @returns whether it was there. */
export async function removeIfThere(path: string): Promise<boolean> {
  try {
    await Deno.remove(path, { recursive: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether an error says no more than that there is nothing here to read. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory ||
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.FilesystemLoop ||
    isNameTooLong(error);
}

/** Deno has no class for this one. */
function isNameTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENAMETOOLONG";
}
