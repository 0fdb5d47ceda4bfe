/**
 * The output of one session: numbered lines, on disk before anybody sees them.
 *
 * @module
 */

/** Who wrote a line. */
export type LineKind =
  /** The CLI, on standard output: the text is its own line. */
  | "raw"
  /** The CLI, on standard error: `{"type":"stderr","text":…}`. */
  | "stderr"
  /** arpc: an object with `type`: `user_message`, `permission_request`, `notice`, `completion`, … */
  | "own";

/** One line of a session. */
export interface Line {
  /** Counted from 1. */
  n: number;
  kind: LineKind;
  /** A line of JSON, or whatever the CLI wrote. */
  text: string;
}

/** The lines of one session, from the oldest that is kept on. */
export interface SessionLog {
  /** A random word: a cursor with another one belongs to another log. */
  readonly epoch: string;
  /** Number of the oldest line that is kept; `last + 1` without any. */
  readonly first: number;
  /** Number of the newest line; 0 without any. */
  readonly last: number;
  /**
   * Lines from `from` on, or from the oldest if that one is gone: as many as there are in some
   * reasonable number of bytes. Not to be changed: whoever asks for new lines at the same place gets
   * the same array.
   */
  read(from: number): Line[];
  /** Settles when there is a line after `n`, or nobody writes any more, or the signal aborts. */
  wait(n: number, signal: AbortSignal): Promise<void>;
}
