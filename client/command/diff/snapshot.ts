/**
 * What a folder of a git work tree holds at a moment, as a tree of git's.
 *
 * The tree is made with an index of our own, and its objects go to a folder of our own: neither the
 * work tree, nor the repository, nor its index is touched, and its garbage collection takes nothing
 * away that we made.
 *
 * @see {@link https://git-scm.com/docs/git#Documentation/git.txt-GITALTERNATEOBJECTDIRECTORIES | git}
 * @module
 */

import { join } from "@std/path";
import { git, GitError, type GitOptions, gitText } from "./git.ts";

/** A larger file is left out: it is no source, and all of it would have to be copied. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Changed and untracked files of one snapshot, and the bytes of all of them. */
const MAX_FILES = 20_000;
const MAX_BYTES = 512 * 1024 * 1024;
/** Files that are looked at at the same time. */
const AT_ONCE = 32;

/** What a folder held. */
export interface Snapshot {
  /** Id of the tree of the whole repository. */
  tree: string;
  /** Files that were left out, as paths from the folder on. */
  leftOut: string[];
}

/** A repository that is looked at from one of its folders. */
export interface Repository {
  /** Where its index is. */
  index: string;
  /** How to run git in it, with objects in the store. */
  options: GitOptions;
}

/**
 * Finds the repository of a folder.
 *
 * @param store our own folder for objects and indexes; made if missing.
 * @throws {GitError} when the folder is in no work tree, or ignored by the one it is in.
 */
export async function openRepository(
  folder: string,
  store: string,
  signal: AbortSignal,
): Promise<Repository> {
  const plain = { cwd: folder, signal };
  const places = ["--show-toplevel", "--git-path", "index", "--git-path", "objects"];
  const found = await gitText(["rev-parse", "--path-format=absolute", ...places], plain);
  const [top, index, objects] = found.split(/\r?\n/);
  // One that does not know an option repeats it. It would not know our settings either.
  if (top?.startsWith("--") !== false || index === undefined || objects === undefined) {
    throw new GitError("git is too old; 2.31 or newer is needed");
  }
  if (await isIgnored(plain)) throw new GitError("the repository ignores the folder");
  const own = join(store, "objects");
  await Deno.mkdir(own, { recursive: true, mode: 0o700 });
  return {
    index,
    options: {
      ...plain,
      settings: await filterSettings(plain),
      env: {
        GIT_OBJECT_DIRECTORY: own,
        // In quotes, because a path may hold what separates paths.
        GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(objects),
      },
    },
  };
}

async function isIgnored(options: GitOptions): Promise<boolean> {
  try {
    await git(["check-ignore", "--quiet", "--", "."], options);
    return true;
  } catch (error) {
    if (options.signal.aborted) throw error;
    return false; // It says so by an exit code.
  }
}

/** Filters are programs that the configuration names: with these settings none of them is run. */
async function filterSettings(options: GitOptions): Promise<[string, string][]> {
  let text: string;
  try {
    text = await gitText(
      ["config", "--null", "--name-only", "--get-regexp", "^filter\\."],
      options,
    );
  } catch (error) {
    if (options.signal.aborted) throw error;
    return []; // There are none.
  }
  const names = text.split("\0").filter((key) => /^filter\..*\./s.test(key))
    .map((key) => key.slice(0, key.lastIndexOf(".")));
  return [...new Set(names)].flatMap((name): [string, string][] => [
    [`${name}.clean`, ""],
    [`${name}.process`, ""],
    [`${name}.required`, "false"],
  ]);
}

/**
 * Takes a snapshot of the folder; of the rest of the repository it has what the index has.
 *
 * @throws {GitError} when git says no, or there is too much to look at.
 */
export async function takeSnapshot(
  { index, options: { env, ...rest } }: Repository,
  store: string,
): Promise<Snapshot> {
  const own = join(store, `index-${crypto.randomUUID()}`);
  const options = { ...rest, env: { ...env, GIT_INDEX_FILE: own } };
  try {
    await copyIndex(index, own, options);
    const kinds = ["--modified", "--deleted", "--others", "--exclude-standard"];
    const listed = await gitText(["ls-files", "-z", ...kinds, "--", "."], options);
    const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "");
    const { wanted, removed, leftOut } = await choose(options.cwd, paths);
    const update = async (paths: readonly string[], ...flags: string[]) => {
      if (paths.length === 0) return;
      const input = new TextEncoder().encode(paths.map((path) => `${path}\0`).join(""));
      await git(["update-index", ...flags, "-z", "--stdin"], { ...options, input });
    };
    await update(removed, "--force-remove");
    await update(wanted, "--add", "--remove", "--replace");
    return { tree: await gitText(["write-tree", "--missing-ok"], options), leftOut };
  } finally {
    for (const path of [own, `${own}.lock`]) await Deno.remove(path).catch(() => {});
  }
}

/** A copy of the index knows which files need not be read again. */
async function copyIndex(from: string, to: string, options: GitOptions): Promise<void> {
  try {
    const { atime, mtime } = await Deno.stat(from);
    await Deno.copyFile(from, to);
    // Git reads a file again that was written in the same moment as the index, or later.
    if (atime !== null && mtime !== null) await Deno.utime(to, atime, mtime);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // Nothing was ever added.
    // It may lie where we may not read: that of a second work tree does.
    await git(["read-tree", "HEAD"], options);
  }
}

/** What becomes of the paths that are not as the index has them. */
interface Choice {
  wanted: string[];
  /** Where a folder is now. */
  removed: string[];
  /** What is large, cannot be read, or is a repository of its own. */
  leftOut: string[];
}

async function choose(folder: string, paths: readonly string[]): Promise<Choice> {
  if (paths.length > MAX_FILES) {
    throw new GitError(`more than ${MAX_FILES} files are changed or untracked`);
  }
  const choice: Choice = { wanted: [], removed: [], leftOut: [] };
  let bytes = 0;
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const some = paths.slice(at, at + AT_ONCE);
    const found = await Promise.all(some.map((path) => look(folder, path)));
    for (const [nth, { to, size }] of found.entries()) {
      choice[to].push(some[nth]!);
      bytes += size;
    }
    if (bytes > MAX_BYTES) {
      throw new GitError(`changed and untracked files have more than ${MAX_BYTES} bytes`);
    }
  }
  return choice;
}

async function look(
  folder: string,
  name: string,
): Promise<{ to: keyof Choice; size: number }> {
  // Git ends the name of a repository inside with a slash, unless that is a submodule.
  if (name.endsWith("/")) return { to: "leftOut", size: 0 };
  const path = join(folder, name);
  try {
    const { isFile, isDirectory, size } = await Deno.lstat(path);
    if (isDirectory) {
      return { to: await exists(join(path, ".git")) ? "wanted" : "removed", size: 0 };
    }
    if (!isFile) return { to: "wanted", size: 0 };
    if (size > MAX_FILE_BYTES) return { to: "leftOut", size: 0 };
    (await Deno.open(path)).close();
    return { to: "wanted", size };
  } catch (error) {
    return { to: isGone(error) ? "wanted" : "leftOut", size: 0 };
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}
