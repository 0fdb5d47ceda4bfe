/**
 * One session: a conversation with a CLI, turn after turn.
 *
 * @module
 */

import type { Grammar } from "../events/mod.ts";
import type { SendMessage, SessionInfo } from "../schemas.ts";
import type { SessionLog } from "./log.ts";

/** A session, running or not. */
export interface Session {
  readonly id: string;
  readonly info: SessionInfo;
  readonly log: SessionLog;
  /**
   * Whether a turn runs or waits. It does until the completion of the last one is in the log, also
   * while a turn that was cancelled comes to its end.
   */
  readonly running: boolean;
  /** Reads the CLI's lines in the log. */
  readonly grammar: Grammar;
  /**
   * Queues a follow-up.
   *
   * @returns the number of the turn it will be, counted from 1.
   * @throws {Problem} 429 when too many wait or too many sessions run, 422 when it cannot go on, 403
   * when its mode is not allowed any more, 413 on a prompt that is too long, 409 when it is being
   * deleted, 503 when the program ends.
   */
  send(message: SendMessage): number;
  /** Ends the running turn and drops the queue; returns when no process is left. */
  cancel(): Promise<void>;
  rename(title: string): void;
  /** Settles when no turn runs or waits. */
  idle(): Promise<void>;
}
