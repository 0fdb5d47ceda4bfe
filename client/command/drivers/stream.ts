/**
 * The driver for CLIs that do one turn and end: one process a turn, its lines read as they come.
 * There are no approvals, and nothing can be said to a CLI that runs.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { type Grammar, parseLine, type TurnEnd } from "../events/mod.ts";
import { Child } from "./child.ts";
import { exitReason } from "./exit.ts";
import type { Conversation, Driver, Exit, Host, Program, Prompt } from "./mod.ts";

/** How long a CLI may take to end after its terminal event, in milliseconds: it may run hooks. */
const GRACE_MS = 30_000;

/** Of a process that was never started. */
const NO_EXIT: Exit = { code: null, signal: null, stderr: "" };

/** How a prompt gets into a process. */
export interface Carried {
  /** Arguments that are put behind those of the program. */
  args?: readonly string[];
  /**
   * What is written to standard input, which is then closed. Better than an argument where the CLI
   * can: other users see arguments, Linux takes none beyond 128 KiB, and none is taken for a flag.
   * Without it there is no standard input, since some CLIs hang on one that is open.
   */
  stdin?: string;
}

/** What differs between CLIs. */
export interface StreamOptions {
  /** How this CLI takes a prompt and its attachments; what it throws fails the turn. */
  prompt(prompt: Prompt): Carried | Promise<Carried>;
  /**
   * For CLIs whose last event is not only the last: no deadline begins with it, and it counts as a
   * success only with exit code 0.
   */
  endsAtExit?: boolean;
}

/** A driver that starts the program at its turn, once. */
export function streamDriver(grammar: Grammar, options: StreamOptions): Driver {
  return (program, host, signal) => {
    if (signal.aborted) return Promise.reject(signal.reason);
    return Promise.resolve(new OneTurn(program, host, grammar, options));
  };
}

class OneTurn implements Conversation {
  readonly reusable = false;
  readonly exit: Promise<Exit>;
  readonly #exited = Promise.withResolvers<Exit>();
  #child: Child | undefined;
  #used = false;
  #interrupted = false;
  #end: TurnEnd | undefined;
  #session: string | undefined;
  /** The last line of standard output that was no JSON: often an error. */
  #words = "";
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly program: Program,
    private readonly host: Host,
    private readonly grammar: Grammar,
    private readonly options: StreamOptions,
  ) {
    this.exit = this.#exited.promise;
  }

  async turn(prompt: Prompt): Promise<TurnEnd> {
    if (this.#used) return { status: "failed", reason: "This CLI takes one turn a process" };
    this.#used = true;
    try {
      const carried = await this.options.prompt(prompt);
      if (this.#interrupted) throw new Error("interrupted before it was started");
      const exit = await this.#run(carried);
      this.#exited.resolve(exit);
      return this.#outcome(exit);
    } catch (error) {
      this.#exited.resolve(NO_EXIT);
      return this.#interrupted
        ? { status: "cancelled" }
        : { status: "failed", reason: reason(error) };
    } finally {
      clearTimeout(this.#grace);
    }
  }

  async interrupt(): Promise<void> {
    this.#interrupted ||= this.#used && this.#end === undefined;
    await this.#child?.stop();
  }

  async #run({ args = [], stdin }: Carried): Promise<Exit> {
    const child = this.#child = new Child(
      { ...this.program, args: [...this.program.args, ...args] },
      {
        line: (text) => this.#line(text),
        stderr: (text) => this.host.stderr(text),
        notice: (text) => this.host.notice(text),
      },
      stdin === undefined ? "null" : "piped",
    );
    if (stdin !== undefined) {
      await Promise.race([child.write(stdin).then(() => child.closeStdin()), child.exit]);
    }
    return await child.exit;
  }

  #line(text: string): void {
    this.host.line(text);
    const line = parseLine(text);
    if (line === undefined) {
      if (text.trim() !== "") this.#words = text.slice(0, 4096);
      return;
    }
    const session = this.grammar.sessionId(line);
    if (session !== undefined && session !== this.#session) {
      this.host.cliSession(this.#session = session);
    }
    const end = this.grammar.end(line);
    if (end === undefined) return;
    this.#end = end;
    if (this.options.endsAtExit) return;
    this.#grace ??= setTimeout(() => void this.#child?.stop(), GRACE_MS);
  }

  #outcome(exit: Exit): TurnEnd {
    if (this.#interrupted) return { status: "cancelled" };
    const end = this.#end;
    if (end === undefined) return { status: "failed", reason: exitReason(exit, this.#words) };
    if (this.options.endsAtExit && end.status === "completed" && exit.code !== 0) {
      return { status: "failed", reason: exitReason(exit, this.#words) };
    }
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#used) this.#exited.resolve(NO_EXIT);
    this.#used = true;
    await this.interrupt();
    await this.exit;
  }
}
