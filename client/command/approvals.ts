/**
 * Questions of CLIs, and their answers: each is answered once, and expires.
 *
 * @module
 */

import type { Answer, Question } from "./drivers/mod.ts";
import type { Decision, Permission } from "./schemas.ts";
import type { Store } from "./sessions/store.ts";

/** What happened to a question. */
export interface PermissionEvent {
  type: "permission_request" | "permission_resolved";
  permission: Permission;
}

/** All questions of all sessions; kept in the store, so that they outlive every viewer. */
export class Approvals implements Disposable {
  constructor(_store: Store, _timeout: number) {}

  /**
   * Brings a question to whoever answers first.
   *
   * @param session none for a CLI that runs elsewhere and asks by MCP.
   * @param signal aborted when nobody waits for the answer any more: it is then `cancelled`.
   * @returns a deny when it expired.
   * @throws {DOMException} AbortError when the signal aborted.
   */
  ask(
    _session: string | undefined,
    _question: Question,
    _signal: AbortSignal,
  ): { permission: Permission; answer: Promise<Answer> } {
    throw new Error("not yet");
  }

  /**
   * Answers a question.
   *
   * @throws {Problem} 404 on an unknown id, 409 when it has been answered, has expired or was
   * cancelled, 422 when the CLI cannot do that (a scope it cannot remember, an input it cannot
   * change).
   */
  decide(_id: string, _decision: Decision): Permission {
    throw new Error("not yet");
  }

  /** One question, or undefined. */
  get(_id: string): Permission | undefined {
    throw new Error("not yet");
  }

  /** The questions, newest first. */
  list(
    _filter: {
      status?: Permission["status"] | undefined;
      session?: string | undefined;
      limit: number;
      offset: number;
    },
  ): { items: Permission[]; total: number } {
    throw new Error("not yet");
  }

  /** Tells of everything that happens to questions from now on, until the returned is disposed. */
  watch(_listener: (event: PermissionEvent) => void): Disposable {
    throw new Error("not yet");
  }

  [Symbol.dispose](): void {}
}
