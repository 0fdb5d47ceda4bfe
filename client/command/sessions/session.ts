/**
 * One session: a conversation with a CLI, turn after turn.
 *
 * @module
 */

import type { SendMessage, SessionInfo } from "../schemas.ts";
import type { SessionLog } from "./log.ts";

/** A session, running or not. */
export interface Session {
  readonly id: string;
  readonly info: SessionInfo;
  readonly log: SessionLog;
  /**
   * Queues a follow-up.
   *
   * @returns the number of the turn it will be, counted from 1.
   * @throws {Problem} 429 when too many wait or too many sessions run, 422 when it cannot go on.
   */
  send(message: SendMessage): number;
  /** Ends the running turn and drops the queue; returns when no process is left. */
  cancel(): Promise<void>;
  rename(title: string): void;
  /** Settles when no turn runs or waits. */
  idle(): Promise<void>;
}
