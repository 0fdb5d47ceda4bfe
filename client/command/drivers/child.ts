/**
 * One child process: its lines, its end, and how it is made to end.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { endFamily, inTime, type Leader } from "./ending.ts";
import { Lines, readInto } from "./lines.ts";
import { type Exit, type Host, type Program, StartError } from "./mod.ts";
import { type EndingSignal, MARK } from "./processes.ts";

/** How long the output of a process that has ended is read: a child of its own may hold it open. */
const DRAIN_MS = 1000;
/** How much of standard error is kept for {@link Exit}, in characters. */
const KEPT_STDERR = 4096;
/** Longest line of standard error that is passed on, in bytes. */
const MAX_STDERR_LINE = 64 * 1024;

/** Bytes that may wait in its standard input: a prompt with images fits. */
const MAX_WAITING = 128 * 1024 * 1024;

const encoder = new TextEncoder();

/** What of a {@link Host} a child process needs, with `line` for its standard output. */
export type Listener = Pick<Host, "line" | "stderr" | "notice">;

/** A child process in a group of its own; disposing ends it with all that descends from it. */
export class Child implements AsyncDisposable, Leader {
  readonly pid: number;
  /** When the process has ended. Never rejects. */
  readonly end: Promise<Deno.CommandStatus>;
  /** When it has ended, and all it wrote has been passed on. Never rejects. */
  readonly exit: Promise<Exit>;
  /** Somebody else may still write to its output. */
  #gone = false;
  #success = false;
  readonly #mark: string;
  #ended = false;
  #unheard = false;
  #stderr = "";
  #waiting = 0;
  #stopping: Promise<void> | undefined;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> | undefined;

  /**
   * @param stdin `"null"` for CLIs that would wait for more: an open one makes some hang for ever.
   * @throws {StartError} when the program cannot be started.
   */
  constructor(program: Program, private readonly listener: Listener, stdin: "null" | "piped") {
    this.#mark = program.env[MARK] ?? crypto.randomUUID();
    try {
      this.#process = new Deno.Command(program.path, {
        args: [...program.args],
        cwd: program.cwd,
        clearEnv: true,
        env: { ...program.env, [MARK]: this.#mark },
        stdin,
        stdout: "piped",
        stderr: "piped",
        detached: true,
      }).spawn();
    } catch (error) {
      const why = reason(error).replace(/^Failed to spawn '.*?': /, "");
      throw new StartError(`Cannot start ${program.path}: ${why}`);
    }
    this.pid = this.#process.pid;
    this.#stdin = stdin === "piped" ? this.#process.stdin.getWriter() : undefined;
    this.end = this.#process.status;
    this.exit = this.#run();
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Whether it has ended, and all it wrote has been passed on. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Writes a line to its standard input; what it does not read any more is dropped. It is ended when
   * it asks on and on, and never reads the answers.
   */
  async write(line: string): Promise<void> {
    const bytes = encoder.encode(line + "\n");
    this.#waiting += bytes.length;
    if (this.#waiting > MAX_WAITING) {
      this.#pass("notice", "The CLI does not read what is said to it, and is ended");
      void this.stop();
      return;
    }
    await this.#stdin?.write(bytes).catch(() => {});
    this.#waiting -= bytes.length;
  }

  /** Ends its standard input once it has read the rest, by which most CLIs end themselves. */
  closeStdin(): void {
    // To wait would be to wait for one that may never read again.
    void this.#stdin?.close().catch(() => {});
  }

  /** Whether it ended by itself within so many milliseconds. */
  endsWithin(ms: number): Promise<boolean> {
    return inTime(this.exit, ms);
  }

  /**
   * Ends it, and all that belongs to it, also when it has ended itself: see {@link endFamily}. What
   * has left its group survives only an end of its own accord, with exit code 0: such as a server
   * that somebody wanted to go on.
   */
  async stop(): Promise<void> {
    const tell = (text: string) => this.#pass("notice", text);
    await (this.#stopping ??= endFamily(this.#success ? undefined : this.#mark, tell, this));
    if (this.gone) await this.exit;
  }

  /** Signals it alone. */
  kill(signal: EndingSignal): void {
    try {
      this.#process.kill(signal);
    } catch {
      /* it has ended */
    }
  }

  async #run(): Promise<Exit> {
    const drain = new AbortController();
    const tooLong = (bytes: number, start: string) =>
      this.#pass("notice", `A line of ${bytes} bytes was left out; it began with: ${start}`);
    const out = new Lines({ line: (text) => this.#pass("line", text), tooLong });
    const err = new Lines({
      line: (text) => {
        this.#stderr = `${this.#stderr}${text}\n`.slice(-KEPT_STDERR);
        this.#pass("stderr", text);
      },
      tooLong,
    }, MAX_STDERR_LINE);
    const reading = [
      readInto(out, this.#process.stdout, drain.signal),
      readInto(err, this.#process.stderr, drain.signal),
    ];
    const { code, signal, success } = await this.end;
    this.#gone = true;
    this.#success = success;
    const timer = setTimeout(async () => {
      // What is being stopped may still have something to say.
      await this.#stopping;
      drain.abort();
    }, DRAIN_MS);
    await Promise.all(reading);
    clearTimeout(timer);
    this.#ended = true;
    await this.#stdin?.abort().catch(() => {});
    return { code: signal === null ? code : null, signal, stderr: this.#stderr.trimEnd() };
  }

  /** A listener that throws hears no more, and what nobody hears is ended. */
  #pass(how: keyof Listener, text: string): void {
    if (this.#unheard) return;
    try {
      this.listener[how](text);
    } catch (error) {
      this.#unheard = true;
      this.#stderr = `Its output could not be taken: ${reason(error)}`;
      void this.stop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
