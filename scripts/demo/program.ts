/**
 * One of the two programs as a process of its own, under the smallest set of permissions.
 *
 * @module
 */
import {
  type Options,
  permissionFlags,
  type Permissions,
  resolve,
  type Values,
} from "@agentx/common/cli";

/** How long a program may take until it is ready, in milliseconds; the first start compiles. */
const READY_MS = 60_000;
/** How long it may take to stop before it is killed. */
const STOP_MS = 5000;
/** Lines of its log that are kept to explain a failure. */
const KEPT_LINES = 20;

/** What to start. */
export interface ProgramOptions<O extends Options> {
  /** `arps` or `arpc`. */
  name: string;
  /** Its main module, seen from the project's folder. */
  main: string;
  /** Its table of options. */
  options: O;
  flags: Readonly<Record<string, string>>;
  /** What it needs for these options; only what concerns the network is granted. */
  permissions: (values: Values<O>) => Permissions | Promise<Permissions>;
}

/** What one line of a log says. */
interface LogLine {
  message: string;
  properties: Record<string, unknown>;
}

/** A program ended that should run. */
export class EndedError extends Error {
  override name = "EndedError";
}

/** A running program; disposing stops it, in order if it can. */
export class Program implements AsyncDisposable {
  /** The flags it runs under. */
  readonly grants: readonly string[];
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  readonly #printed = Promise.withResolvers<string>();
  #listeners = new Set<(line: LogLine) => void>();
  #lines: string[] = [];

  private constructor(name: string, grants: readonly string[], process: Deno.ChildProcess) {
    this.#name = name;
    this.grants = grants;
    this.#process = process;
    this.#reading = Promise.all([
      this.#read(process.stdout, (line) => this.#printed.resolve(line)),
      this.#read(process.stderr, (line) => this.#log(line)),
    ]);
  }

  /**
   * Starts it. It gets the network that its options call for and nothing else: no environment and
   * no files, so that neither settings of the user nor those of an earlier run reach it.
   */
  static async start<O extends Options>(
    { name, main, options, flags, permissions }: ProgramOptions<O>,
  ): Promise<Program> {
    const source = { describe: (key: string) => `--${key}`, get: (key: string) => flags[key] };
    const { net = [] } = await permissions(resolve(options, [source]));
    const grants = permissionFlags({ net });
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...grants,
        new URL(`../../${main}`, import.meta.url).href,
        ...Object.entries(flags).flatMap(([key, value]) => [`--${key}`, value]),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Program(name, grants, process);
  }

  /**
   * The first line of its log with that message.
   *
   * @throws {EndedError} when it ends instead, with what it said.
   */
  async logged(message: string): Promise<Record<string, unknown>> {
    const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
    const listener = (line: LogLine) => {
      if (line.message === message) resolve(line.properties);
    };
    this.#listeners.add(listener);
    try {
      return await this.#soon(promise);
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /**
   * The first line it prints.
   *
   * @throws {EndedError} when it ends instead, with what it said.
   */
  printed(): Promise<string> {
    return this.#soon(this.#printed.promise);
  }

  /** Rejects when it ends. */
  async ended(): Promise<never> {
    const { code } = await this.#process.status;
    await this.#reading;
    const said = this.#lines.length === 0 ? "nothing" : "\n" + this.#lines.join("\n");
    throw new EndedError(`${this.#name} ended with exit code ${code}. It said: ${said}`);
  }

  async #soon<T>(promise: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.#name} was not ready within ${READY_MS / 1000} s`)),
        READY_MS,
      );
    });
    try {
      return await Promise.race([promise, this.ended(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
    let half = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (half + text).split("\n");
      half = lines.pop() ?? "";
      for (const line of lines) take(line);
    }
    if (half !== "") take(half);
  }

  #log(line: string): void {
    this.#lines = [...this.#lines, line].slice(-KEPT_LINES);
    if (!line.startsWith("{")) return;
    const parsed = JSON.parse(line) as LogLine;
    for (const listener of this.#listeners) listener(parsed);
  }

  /** Asks it to stop. */
  stop(signal: Deno.Signal = "SIGTERM"): void {
    try {
      this.#process.kill(signal);
    } catch { /* it has ended */ }
  }

  /** Asks it to stop, waits until it has, and kills it if it does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    const timer = setTimeout(() => this.stop("SIGKILL"), STOP_MS);
    await this.#reading;
    await this.#process.status;
    clearTimeout(timer);
  }
}
