/**
 * Runs git in a folder that somebody else may have prepared: nothing that the repository's own
 * configuration names is run, nothing is fetched, and none of its files is written.
 *
 * @see {@link https://git-scm.com/docs/git#_environment_variables | git: environment variables}
 * @module
 */

import { reason } from "@agentx/common";
import { programEnvironment } from "../executors/environment.ts";
import { findProgram } from "../executors/find.ts";

const TOO_LONG = "git takes too long in this folder";
/** Most characters of what git says went wrong. */
const MAX_WORDS = 500;

/** Settings that win over those of the repository and of the user. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ["core.fsmonitor", "false"],
  ["core.hooksPath", "/dev/null"],
  ["core.quotePath", "false"],
  ["core.splitIndex", "false"],
  ["core.looseCompression", "1"],
  ["diff.ignoreSubmodules", "dirty"],
  ["submodule.recurse", "false"],
];

/** Git cannot tell; the message is for a person. */
export class GitError extends Error {
  override name = "GitError";
}

/** How to run it. */
export interface GitOptions {
  cwd: string;
  signal: AbortSignal;
  /** Further variables. */
  env?: Readonly<Record<string, string>>;
  /** Further settings, by key. */
  settings?: readonly (readonly [string, string])[];
  /** What to write to its standard input. */
  input?: Uint8Array<ArrayBuffer>;
  /** Most bytes of its output; it is ended when it has more to say. */
  limit?: number;
}

/** What it said. */
export interface Output {
  bytes: Uint8Array<ArrayBuffer>;
  /** Whether there was more than the limit. */
  truncated: boolean;
}

/**
 * Runs git to its end.
 *
 * @throws {GitError} when it is not installed, says no, or takes too long.
 */
export async function git(args: readonly string[], options: GitOptions): Promise<Output> {
  const { cwd, signal, input, limit = 64 * 1024 * 1024 } = options;
  const path = findProgram("git");
  if (path === undefined) throw new GitError("git is not installed");
  if (signal.aborted) throw new GitError(TOO_LONG);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(path, {
      args: ["--no-pager", ...args],
      cwd,
      clearEnv: true,
      env: environment(options),
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new GitError(`git cannot be started: ${reason(error)}`);
  }
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
  };
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [output, words, status] = await Promise.all([
      read(child.stdout, limit, kill),
      read(child.stderr, MAX_WORDS, () => {}),
      child.status,
      input === undefined ? undefined : write(child.stdin, input),
    ]);
    if (signal.aborted) throw new GitError(TOO_LONG);
    if (!status.success && !output.truncated) {
      const text = new TextDecoder().decode(words.bytes).trim();
      throw new GitError(text === "" ? `git ended with ${status.code}` : text);
    }
    return output;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

/** What git prints, as text without its last line end. */
export async function gitText(args: readonly string[], options: GitOptions): Promise<string> {
  const { bytes } = await git(args, options);
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, "");
}

function environment({ env, settings = [] }: GitOptions): Record<string, string> {
  const all = [...SETTINGS, ...settings];
  const numbered = all.flatMap(([key, value], nth) => [
    [`GIT_CONFIG_KEY_${nth}`, key],
    [`GIT_CONFIG_VALUE_${nth}`, value],
  ]);
  return {
    ...programEnvironment({ env: [] }),
    LC_ALL: "C",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_LAZY_FETCH: "1",
    // No protocol is called that, so that an older git fetches nothing either.
    GIT_ALLOW_PROTOCOL: "none",
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(numbered),
    ...env,
  };
}

/** Reads up to the limit; what comes after it is passed over, after `full` was told of it. */
async function read(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  full: () => void,
): Promise<Output> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  let truncated = false;
  for await (const piece of stream) {
    if (truncated) continue;
    const room = limit - size;
    pieces.push(piece.length > room ? piece.subarray(0, room) : piece);
    size += Math.min(piece.length, room);
    if (piece.length <= room) continue;
    truncated = true;
    full();
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { bytes, truncated };
}

async function write(
  stream: WritableStream<Uint8Array>,
  input: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch { /* it did not want to know; its status says why */ }
}
