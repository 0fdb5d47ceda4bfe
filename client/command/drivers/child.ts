/**
 * One child process: its lines, its end, and how it is made to end.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { Lines } from "./lines.ts";
import { type Exit, type Host, type Program, StartError } from "./mod.ts";
import { descendants, killAll, type Process, signalGroup } from "./processes.ts";

/** Milliseconds between one signal and the next, stronger one. */
const PATIENCE_MS = 3000;
/** How long the output of a process that has ended is read: a child of its own may hold it open. */
const DRAIN_MS = 1000;
/** How much of standard error is kept for {@link Exit}, in characters. */
const KEPT_STDERR = 4096;

const encoder = new TextEncoder();

/** What of a {@link Host} a child process needs, with `line` for its standard output. */
export type Listener = Pick<Host, "line" | "stderr" | "notice">;

/** A child process in a group of its own; disposing ends it with all that descends from it. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  /** When it has ended, and all it wrote has been passed on. Never rejects. */
  readonly exit: Promise<Exit>;
  #ended = false;
  #stderr = "";
  #stopping: Promise<void> | undefined;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> | undefined;

  /**
   * @param stdin `"null"` for CLIs that would wait for more: an open one makes some hang for ever.
   * @throws {StartError} when the program cannot be started.
   */
  constructor(program: Program, listener: Listener, stdin: "null" | "piped") {
    try {
      this.#process = new Deno.Command(program.path, {
        args: [...program.args],
        cwd: program.cwd,
        clearEnv: true,
        env: { ...program.env },
        stdin,
        stdout: "piped",
        stderr: "piped",
        detached: true,
      }).spawn();
    } catch (error) {
      throw new StartError(`Cannot start ${program.path}: ${reason(error)}`);
    }
    this.pid = this.#process.pid;
    this.#stdin = stdin === "piped" ? this.#process.stdin.getWriter() : undefined;
    this.exit = this.#run(listener);
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Writes a line to its standard input; what it does not read any more is dropped. */
  async write(line: string): Promise<void> {
    await this.#stdin?.write(encoder.encode(line + "\n")).catch(() => {});
  }

  /** Ends its standard input, by which most CLIs end themselves. */
  async closeStdin(): Promise<void> {
    await this.#stdin?.close().catch(() => {});
  }

  /** Whether it ended by itself within so many milliseconds. */
  async endsWithin(ms: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
    try {
      return await Promise.race([this.exit.then(() => true as const), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Ends it: SIGINT, SIGTERM, SIGKILL to its group, with time in between, and then whatever
   * descended from it. Some CLIs put the shells of their tools into sessions of their own, so who
   * they are is asked before each signal.
   */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const family = new Map<string, Process>();
    for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
      if (this.#ended) break;
      for (const one of await descendants(this.pid)) family.set(`${one.pid} ${one.started}`, one);
      if (this.#ended) break;
      await signalGroup(this.pid, signal);
      if (await this.endsWithin(PATIENCE_MS)) break;
    }
    await killAll([...family.values()]);
    await this.exit;
  }

  async #run(listener: Listener): Promise<Exit> {
    const drain = new AbortController();
    const left = (bytes: number, start: string) =>
      listener.notice(`A line of ${bytes} bytes was left out; it began with: ${start}`);
    const reading = [
      read(this.#process.stdout, new Lines({ line: listener.line, tooLong: left }), drain.signal),
      read(
        this.#process.stderr,
        new Lines({
          line: (text) => {
            this.#stderr = `${this.#stderr}${text}\n`.slice(-KEPT_STDERR);
            listener.stderr(text);
          },
          tooLong: left,
        }, KEPT_STDERR * 16),
        drain.signal,
      ),
    ];
    const status = await this.#process.status;
    const timer = setTimeout(() => drain.abort(), DRAIN_MS);
    await Promise.all(reading);
    clearTimeout(timer);
    this.#ended = true;
    await this.#stdin?.abort().catch(() => {});
    const { code, signal } = status;
    return { code: signal === null ? code : null, signal, stderr: this.#stderr.trimEnd() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function read(
  stream: ReadableStream<Uint8Array>,
  lines: Lines,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      lines.push(value);
    }
  } catch {
    /* the pipe broke with its process */
  } finally {
    signal.removeEventListener("abort", cancel);
    lines.flush();
  }
}
