/**
 * A driver is how one speaks with a running CLI. It starts the process, turns prompts into what the
 * CLI understands, passes its lines on untouched, and brings its questions to whoever may answer.
 *
 * @module
 */

import type { TurnEnd } from "../events/mod.ts";

/** A program to start. */
export interface Program {
  /** Full path. */
  path: string;
  args: readonly string[];
  /** The whole environment; nothing else is passed on, but a mark by which its processes are found. */
  env: Readonly<Record<string, string>>;
  /** Working directory, an existing folder. */
  cwd: string;
}

/** A file that comes with a prompt. It lies at `path`, which the CLI may read. */
export interface Attachment {
  name: string;
  mediaType: string;
  path: string;
}

/** What is asked of a CLI in one turn. */
export interface Prompt {
  text: string;
  attachments: readonly Attachment[];
}

/** What a CLI asks before it uses a tool. */
export interface Question {
  /** The tool as the CLI calls it: `Bash`, `run_shell_command`. */
  tool: string;
  /** One line for a person. */
  title: string;
  /** What the tool would be given; for an editable one, what `modifiedInput` replaces. */
  input: unknown;
  /** The id of the call in the CLI's own lines. */
  toolCallId?: string;
  /** For how long a yes can hold, as far as this CLI can remember one; always has `"once"`. */
  scopes: readonly Scope[];
  /** Whether a yes may change the input. */
  editable: boolean;
  /** The CLI's own suggestions or options, as it sent them. */
  suggestions?: unknown;
}

/** For how long an answer holds. */
export type Scope = "once" | "session" | "always";

/** The answer to a {@link Question}. */
export type Answer =
  | { action: "approve"; scope: Scope; modifiedInput?: unknown }
  | { action: "deny"; reason?: string };

/** Whom a driver works for. */
export interface Host {
  /** A line that the CLI wrote on standard output, without its end. Must be called in order. */
  line(text: string): void;
  /** A line of its standard error. */
  stderr(text: string): void;
  /** Something that was left out or went wrong; one line for a person. */
  notice(text: string): void;
  /** The CLI's id of its session has become known. */
  cliSession(id: string): void;
  /**
   * Brings a question to a person. Ends with a deny when it expires.
   *
   * @param signal aborted when the CLI does not want the answer any more.
   * @throws {DOMException} AbortError then.
   */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
}

/** How a process ended. */
export interface Exit {
  /** Null when a signal ended it. */
  code: number | null;
  signal: string | null;
  /** The last lines of its standard error, at most 4 KiB: often the only reason there is. */
  stderr: string;
}

/** A running CLI; disposing ends it and leaves no process behind. */
export interface Conversation extends AsyncDisposable {
  /** Whether it can take another turn after this one. */
  readonly reusable: boolean;
  /** When and how the process has ended. Never rejects. */
  readonly exit: Promise<Exit>;
  /**
   * One turn, at most one at a time. Settles at the CLI's terminal event, or at the end of the
   * process, which then is a failure. Never rejects.
   *
   * With `reusable` false it settles only when the process has ended as well.
   */
  turn(prompt: Prompt): Promise<TurnEnd>;
  /**
   * Stops the running turn: by the CLI's own interrupt if it has one and obeys in time, else by
   * signals, until no process is left. The turn then settles. Without a running turn it does
   * nothing.
   */
  interrupt(): Promise<void>;
}

/**
 * Starts a program and makes the CLI ready for its first turn.
 *
 * @param signal ends the start, and the process with it.
 * @throws {StartError} when it does not come up.
 */
export type Driver = (program: Program, host: Host, signal: AbortSignal) => Promise<Conversation>;

/** A CLI did not start, or refused what it was started with; the message is for a person. */
export class StartError extends Error {
  override name = "StartError";
  constructor(message: string, readonly exit?: Exit) {
    super(message);
  }
}
