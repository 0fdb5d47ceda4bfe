/**
 * What is installed on this machine.
 *
 * @module
 */

import { dirname } from "@std/path";
import { DeadlineError, reason } from "@agentx/common";
import { Child } from "../drivers/child.ts";
import { exitReason } from "../drivers/exit.ts";
import { programEnvironment } from "./environment.ts";
import { findProgram } from "./find.ts";
import { type Executor, EXECUTORS, type Installed } from "./mod.ts";

/** How long a CLI may take to say its version and its flags, in milliseconds: all may be asked. */
const PATIENCE_MS = 30_000;
/** How long it is remembered that a CLI does not run: the machine may have been busy. */
const RETRY_MS = 30_000;
/** How much of an answer is kept, in characters. */
const MAX_ANSWER = 256 * 1024;

/** What was found of one CLI. */
export interface Found {
  /** Full path of the program; undefined when there is none in `PATH`. */
  path?: string;
  /** Undefined when there is none, or it does not run. */
  installed?: Installed;
  /** Why it cannot be used; one line for a person. */
  error?: string;
}

/** Looks for CLIs in `PATH`, and asks each what it can do, once. */
export class Probe {
  readonly #known = new Map<string, { stamp: string; until: number; found: Promise<Found> }>();

  /** @param passEnv further variables that are passed on to CLIs. */
  constructor(
    readonly executors: readonly Executor[] = EXECUTORS,
    readonly passEnv: readonly string[] = [],
    readonly patience: number = PATIENCE_MS,
  ) {}

  /** The executor of this name, or undefined. */
  named(name: string): Executor | undefined {
    return this.executors.find((one) => one.name === name);
  }

  /** The CLI as it is installed; undefined when it is not, or does not run. Never rejects. */
  async installed(executor: Executor): Promise<Installed | undefined> {
    return (await this.look(executor)).installed;
  }

  /**
   * Finds a CLI, and asks it for its version and its flags: again when its file has changed, and
   * only once when many want to know. Never rejects.
   */
  look(executor: Executor): Promise<Found> {
    const path = findProgram(executor.program);
    if (path === undefined) {
      const error = `${executor.program} is not in PATH; install it: ${executor.install}`;
      return Promise.resolve({ error });
    }
    const stamp = `${path} ${fileStamp(path)}`;
    const known = this.#known.get(executor.name);
    if (known?.stamp === stamp && Date.now() < known.until) return known.found;
    const entry = { stamp, until: Infinity, found: this.#ask(executor, path) };
    this.#known.set(executor.name, entry);
    entry.found.then(({ error }) => {
      if (error !== undefined) entry.until = Date.now() + RETRY_MS;
    });
    return entry.found;
  }

  async #ask(executor: Executor, path: string): Promise<Found> {
    const state = Deno.permissions.querySync({ name: "run", command: path }).state;
    if (state !== "granted") {
      return { path, error: `${path} may not be run: it was not there when arpc was started` };
    }
    const env = programEnvironment(executor, this.passEnv);
    try {
      return { path, installed: await inspect(path, executor.help, env, this.patience) };
    } catch (error) {
      return { path, error: reason(error) };
    }
  }
}

/**
 * Asks a CLI for its version and its flags.
 *
 * @param help of {@link Executor}.
 * @param patience how long each answer may take, in milliseconds.
 * @throws {Error} when it does not run, does not end, or ends with a failure.
 */
export async function inspect(
  path: string,
  help: Executor["help"] = [["--help"]],
  env: Record<string, string> = {},
  patience: number = PATIENCE_MS,
): Promise<Installed> {
  // All have ended before there is an answer, also where one fails.
  const answers = await Promise.allSettled(
    [["--version"], ...help].map((args) => answerTo(args, path, env, patience)),
  );
  const [version = "", ...flags] = answers.map((answer) => {
    if (answer.status === "rejected") throw answer.reason;
    return answer.value;
  });
  return { path, version: versionOf(version), has: flagsOf(flags) };
}

async function answerTo(
  args: readonly string[],
  path: string,
  env: Record<string, string>,
  patience: number,
): Promise<string> {
  let said = "";
  const hear = (line: string) => {
    if (said.length < MAX_ANSWER) said += `${line}\n`.slice(0, MAX_ANSWER);
  };
  // Its own folder, not ours: some CLIs read settings from where they are started.
  const program = { path, args, env, cwd: dirname(path) };
  await using child = new Child(program, { line: hear, stderr: hear, notice() {} }, "null");
  const command = [path, ...args].join(" ");
  if (!await child.endsWithin(patience)) {
    throw new DeadlineError(`${command} did not end within ${patience / 1000} s`);
  }
  const exit = await child.exit;
  if (exit.code !== 0) throw new Error(`${command}: ${exitReason(exit, said)}`);
  return said;
}

/** The number in `codex-cli 0.169.0`, `2.1.330 (Claude Code)`; else the first line. */
function versionOf(said: string): string {
  return /\d+(\.\d+)+([-+][\w.-]*\w)?/.exec(said)?.[0] ?? said.trim().split("\n")[0]!.slice(0, 100);
}

function flagsOf(help: readonly string[]): (flag: string) => boolean {
  const flags = new Set(help.flatMap((text) => text.match(/(?<![\w-])--?[A-Za-z][\w-]*/g) ?? []));
  return (flag) => flags.has(flag);
}

/** Changes when the file does; not only the time, which some package managers set to a constant. */
function fileStamp(path: string): string {
  try {
    const { mtime, ctime, size, ino } = Deno.statSync(path);
    return `${mtime?.getTime()} ${ctime?.getTime()} ${size} ${ino}`;
  } catch {
    return "";
  }
}
