/**
 * Child processes that are owned: each runs in a process group of its own, writes to a log file in the scratch
 * folder, and is gone with its whole group when disposed or when the run is aborted. Also reads their memory.
 * @module
 */
import { join } from "node:path";
import type { Bench } from "./bench.ts";

/** As many files as the hard limit gives: thousands of visitors need two each in a tunnel's programs. */
const RAISE_LIMIT = 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; log=$1; shift; exec "$@" >"$log" 2>&1';

/** How long a process may take to become ready. */
const READY_MS = 30_000;
const POLL_MS = 20;

let started = 0;

/** A program that runs until disposed. */
export class Running implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #log: string;
  #ended = false;

  constructor(bench: Bench, program: string, args: string[]) {
    this.name = program.slice(program.lastIndexOf("/") + 1);
    this.#log = join(bench.folder, `${started++}-${this.name}.log`);
    // Detached gives a process group: socat's forked children must die with their parent.
    this.#child = new Deno.Command("sh", {
      args: ["-c", RAISE_LIMIT, "sh", this.#log, program, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
      env: { NO_COLOR: "1" },
      signal: bench.signal,
    }).spawn();
    this.pid = this.#child.pid;
    this.#child.status.then(() => this.#ended = true);
  }

  /** Waits until `check` gives true, as long as the process lives. */
  async ready(check: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    await waitUntil(check, signal, this.name, () => this.assertAlive());
  }

  /** @throws {Error} with its last words when the process has ended */
  assertAlive(): void {
    if (!this.#ended) return;
    throw new Error(`Cannot go on: ${this.name} ended: ${lastWords(this.#log)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(-this.pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await this.#child.status;
  }
}

/** Polls `check` until it gives true; every try looks at something real, so no fixed wait is needed. */
export async function waitUntil(
  check: () => Promise<boolean>,
  signal: AbortSignal,
  what: string,
  each: () => void = () => {},
): Promise<void> {
  const end = performance.now() + READY_MS;
  while (!await check()) {
    each();
    if (performance.now() > end) {
      throw new Error(`Cannot use ${what}: not ready in ${READY_MS / 1000} s`);
    }
    await pause(POLL_MS, signal);
  }
}

/**
 * Runs a program to its end. Its exit code is given back rather than judged: some tools end badly on purpose.
 * @throws {Error} when it takes longer than `limitMs`: a tunnel that hangs must not hang the bench
 */
export async function capture(
  program: string,
  args: string[],
  signal: AbortSignal,
  limitMs = 10_000,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const limit = AbortSignal.timeout(limitMs);
  const command = new Deno.Command(program, {
    args,
    stdin: "null",
    signal: AbortSignal.any([signal, limit]),
  });
  const { code, stdout, stderr } = await command.output();
  signal.throwIfAborted();
  if (limit.aborted) throw new Error(`Cannot wait for ${program}: ${limitMs / 1000} s are over`);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Waits `ms`, or throws at once when the run is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  signal.throwIfAborted();
  const stop = () => reject(signal.reason);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", stop, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}

/** The line that names an error, else the last ones. */
function lastWords(file: string): string {
  try {
    const lines = Deno.readTextFileSync(file).trim().split("\n");
    return lines.findLast((line) => /error/i.test(line)) ??
      (lines.slice(-3).join(" | ") || "no output");
  } catch {
    return "no output";
  }
}
