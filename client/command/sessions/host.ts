/**
 * What a session does with what its CLI says beside its answers.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import type { Answer, Host, Question } from "../drivers/mod.ts";
import { CLI_SESSION } from "../executors/mod.ts";
import type { StoredLog } from "./stored_log.ts";

const log = getLogger(["arpc", "sessions"]);

/** How much of standard error is kept of one turn, in characters; the rest is read and dropped. */
const STDERR_PER_TURN = 1024 * 1024;
/** Notices of one turn that are kept. */
const NOTICES_PER_TURN = 1000;

/** What a {@link SessionHost} cannot do itself. */
export interface HostOwner {
  /** The CLI's id of its session is known. */
  knows(id: string): void;
  /** Brings a question to a person; throws `AbortError` when nobody wants the answer any more. */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
}

/** Puts what a CLI says into the log of its session. */
export class SessionHost implements Host {
  #stderrLeft = STDERR_PER_TURN;
  #noticesLeft = NOTICES_PER_TURN;

  constructor(private readonly lines: StoredLog, private readonly owner: HostOwner) {}

  /** A turn begins: what is counted by turn is counted anew. */
  begin(): void {
    this.#stderrLeft = STDERR_PER_TURN;
    this.#noticesLeft = NOTICES_PER_TURN;
  }

  line(text: string): void {
    this.lines.append("raw", text);
  }

  stderr(text: string): void {
    if (this.#stderrLeft <= 0) return;
    // An empty line counts as well.
    this.#stderrLeft -= text.length + 1;
    this.lines.append("stderr", JSON.stringify({ type: "stderr", text }));
    if (this.#stderrLeft > 0) return;
    this.lines.own({
      type: "notice",
      text: "Standard error goes on; the rest of it is left out in this turn",
    });
  }

  notice(text: string): void {
    if (this.#noticesLeft-- > 0) this.lines.own({ type: "notice", text });
  }

  cliSession(id: string): void {
    // It will be an argument some day.
    if (CLI_SESSION.test(id)) this.owner.knows(id);
    else this.notice("The CLI named its session by what is no id; it cannot be gone on with");
  }

  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.owner.ask(question, signal);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      log.error("Cannot ask for a permission", { why: reason(error) });
      this.notice(`Cannot ask for a permission: ${reason(error)}`);
      return { action: "deny", reason: "The question could not be brought to anybody" };
    }
  }
}
