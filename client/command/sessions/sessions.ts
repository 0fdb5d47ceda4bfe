/**
 * All sessions: made, found, listed, deleted.
 *
 * @module
 */

import type { Approvals } from "../approvals.ts";
import type { CommandConfig } from "../config.ts";
import type { Probe } from "../executors/probe.ts";
import type { CreateSession, SessionInfo, SessionStatus } from "../schemas.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";

/** Which sessions to list, newest first. */
export interface SessionFilter {
  executor?: string | undefined;
  status?: SessionStatus | undefined;
  projectPath?: string | undefined;
  limit: number;
  offset: number;
}

/** The sessions of this client; disposing ends what runs, as `interrupted`. */
export class Sessions implements AsyncDisposable {
  constructor(
    readonly config: CommandConfig,
    readonly store: Store,
    readonly approvals: Approvals,
    readonly probe: Probe,
  ) {}

  /**
   * Starts a session.
   *
   * @throws {Problem} 422 on an executor that is unknown or not installed, a mode it does not have,
   * a project that is not below a root; 403 on a mode that needs `--allow-bypass`; 413 on a prompt
   * that is too long; 429 when too many run.
   */
  create(_request: CreateSession): Promise<Session> {
    throw new Error("not yet");
  }

  /** By our id, or the CLI's own. */
  find(_id: string): Session | undefined {
    throw new Error("not yet");
  }

  list(_filter: SessionFilter): { items: SessionInfo[]; total: number } {
    throw new Error("not yet");
  }

  /** Ends it if it runs, and removes it with its output and what was attached. */
  delete(_id: string): Promise<void> {
    throw new Error("not yet");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
