/**
 * What a session changed in a git work tree: the difference between a snapshot from its start and
 * one from now. What was changed before is not blamed on it, and what it committed is.
 *
 * Whoever else works in the same folder meanwhile cannot be told apart from it.
 *
 * @module
 */

import { getLogger } from "@agentx/common";
import { z } from "@hono/zod-openapi";
import { isAbsolute, join } from "@std/path";
import { ChangedFile, parseChanges } from "./diff/changes.ts";
import { git, GitError } from "./diff/git.ts";
import { openRepository, takeSnapshot } from "./diff/snapshot.ts";
import { Problem } from "./problem.ts";

const log = getLogger(["arpc", "diff"]);

/** For a snapshot, and for a difference, in milliseconds. */
const DEADLINE_MS = 20_000;
/** Most bytes of a patch. */
const MAX_PATCH = 1024 * 1024;
/** Most files that are listed. */
const MAX_LISTED = 5000;
/** Most bytes of git's list of files. */
const MAX_LIST_BYTES = 8 * 1024 * 1024;
/** Files among which git looks for those that were renamed. */
const RENAME_LIMIT = "-l1000";

/** Differences that are worked out at the same time: each is a look at a whole project. */
const AT_ONCE = 4;
/** Who asks for the same gets the same. */
const running = new Map<string, Promise<Diff>>();

/** What a session changed. */
export const Diff = z.object({
  available: z.boolean().openapi({ description: "Whether it can be told" }),
  reason: z.string().nullable().openapi({ description: "Why it cannot" }),
  files: z.array(ChangedFile),
  additions: z.int().openapi({ description: "Lines of all listed files" }),
  deletions: z.int(),
  patch: z.string().openapi({
    description: "Unified diff, as `git apply` takes it unless truncated",
  }),
  truncated: z.boolean().openapi({
    description: `There is more: \`patch\` ends at ${MAX_PATCH} bytes, \`files\` at ${MAX_LISTED}`,
  }),
  left_out: z.array(z.string()).openapi({
    description: "Files that are too large to compare, cannot be read, or are repositories",
  }),
}).openapi("Diff");
/** See {@link Diff}. */
export type Diff = z.infer<typeof Diff>;

/** The snapshot from a session's start; `snapshots/<session>/` in the state folder. */
export class Baseline {
  readonly #store: string;

  /** @param session its id, a UUID. */
  constructor(stateFolder: string, session: string) {
    this.#store = join(stateFolder, "snapshots", session);
  }

  /**
   * Takes it, unless it was taken already. To be called when the session starts; the CLI need not
   * wait for the end of it, since it asks its model before it changes anything. Never throws.
   *
   * @param folder the session's project folder.
   */
  async take(folder: string): Promise<void> {
    try {
      if (await this.#tree() !== undefined) return;
      const signal = AbortSignal.timeout(DEADLINE_MS);
      const repository = await openRepository(folder, this.#store, signal);
      const { tree } = await takeSnapshot(repository, this.#store);
      await Deno.writeTextFile(join(this.#store, "baseline"), tree, { mode: 0o600 });
    } catch (error) {
      // Most often there is no repository, and nobody asks for a difference.
      if (error instanceof GitError) log.debug("No snapshot of a project", { why: error.message });
      else log.warning("Cannot take a snapshot of a project", { error });
    }
  }

  /**
   * What has changed since.
   *
   * @param folder the session's project folder.
   * @param path the one file or folder of interest, from the project folder on.
   * @throws {Problem} 400 on a path that leads out of the folder, 429 when too many ask.
   */
  diff(folder: string, path = "."): Promise<Diff> {
    if (isAbsolute(path) || path.includes("\0") || path.split(/[\\/]/).includes("..")) {
      const errors = [{ field: "path", message: "Expected a path inside of the project folder" }];
      return Promise.reject(new Problem(400, "Missing or wrong: path", { errors }));
    }
    const key = JSON.stringify([this.#store, folder, path]);
    let work = running.get(key);
    if (work === undefined) {
      if (running.size >= AT_ONCE) {
        const why = `${AT_ONCE} differences are being worked out already`;
        return Promise.reject(new Problem(429, why, {}, 2));
      }
      work = this.#diff(folder, path).finally(() => running.delete(key));
      running.set(key, work);
    }
    return work;
  }

  async #diff(folder: string, path: string): Promise<Diff> {
    const before = await this.#tree();
    if (before === undefined) {
      return unavailable(
        "There is no snapshot from the session's start: its folder was in no git work tree, or " +
          "git could not be run there",
      );
    }
    try {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      const repository = await openRepository(folder, this.#store, signal);
      const { tree: after, leftOut } = await takeSnapshot(repository, this.#store);
      const { options } = repository;
      const compare = ["--literal-pathspecs", "diff-tree", "-r", "-M", RENAME_LIMIT, "--relative"];
      const trees = [before, after, "--", path];
      const list = [...compare, "--raw", "--numstat", "-z", ...trees];
      const listed = await git(list, { ...options, limit: MAX_LIST_BYTES });
      const patch = await git([...compare, ...PATCH, ...trees], { ...options, limit: MAX_PATCH });
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      const all = parseChanges(decoder.decode(listed.bytes));
      const files = all.slice(0, MAX_LISTED);
      return {
        available: true,
        reason: null,
        files,
        additions: files.reduce((sum, { additions }) => sum + (additions ?? 0), 0),
        deletions: files.reduce((sum, { deletions }) => sum + (deletions ?? 0), 0),
        patch: decoder.decode(patch.bytes),
        truncated: patch.truncated || listed.truncated || files.length < all.length,
        left_out: leftOut.slice(0, MAX_LISTED),
      };
    } catch (error) {
      if (error instanceof GitError) return unavailable(error.message);
      throw error;
    }
  }

  /** Forgets it. */
  async remove(): Promise<void> {
    await Deno.remove(this.#store, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  async #tree(): Promise<string | undefined> {
    try {
      return await Deno.readTextFile(join(this.#store, "baseline"));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}

/** No program that a configuration names has a say in a patch, nor has any style of the user's. */
const PATCH = [
  "--patch",
  "--no-ext-diff",
  "--no-textconv",
  "--no-color",
  "--unified=3",
  "--src-prefix=a/",
  "--dst-prefix=b/",
];

function unavailable(reason: string): Diff {
  return {
    available: false,
    reason,
    files: [],
    additions: 0,
    deletions: 0,
    patch: "",
    truncated: false,
    left_out: [],
  };
}
