/**
 * The running CLI of a session: started when a turn needs it, kept for the next where it can take
 * one, and gone when nobody wants it any more.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import type { Conversation } from "../drivers/mod.ts";
import type { Parkable, Parked } from "./parked.ts";

const log = getLogger(["arpc", "sessions"]);

/** At most one conversation at a time. */
export class Cli implements Parkable {
  #conversation: Conversation | undefined;
  #closing: Promise<void> = Promise.resolve();

  /**
   * @param start starts the program, with the CLI's session if it has one.
   * @param ended told when none of its processes is left.
   */
  constructor(
    private readonly start: (signal: AbortSignal) => Promise<Conversation>,
    private readonly ended: () => void,
    private readonly parked: Parked,
  ) {}

  /** Whether there is a process that can take another turn. */
  get ready(): boolean {
    return this.#conversation !== undefined;
  }

  /**
   * The conversation, with a new process where there is none.
   *
   * @throws {StartError} when it does not come up.
   */
  async conversation(signal: AbortSignal): Promise<Conversation> {
    this.parked.delete(this);
    // Two processes would write the same session of the CLI.
    await this.#closing;
    if (this.#conversation !== undefined) return this.#conversation;
    const started = this.#conversation = await this.start(signal);
    void started.exit.then(() => {
      if (this.#conversation === started) void this.close();
    });
    return started;
  }

  /** Keeps it for another turn. */
  park(): void {
    if (this.#conversation !== undefined) this.parked.add(this);
  }

  /** Stops the running turn, and then ends the process; never rejects. */
  async stop(): Promise<void> {
    const conversation = this.#conversation;
    await conversation?.interrupt().catch(complain);
    // By now there may be another one, of the turn after.
    if (this.#conversation === conversation) await this.close();
  }

  /** Ends it, and returns when no process is left; never rejects. */
  close(): Promise<void> {
    this.parked.delete(this);
    const conversation = this.#conversation;
    this.#conversation = undefined;
    if (conversation !== undefined) {
      this.#closing = this.#closing.then(() => conversation[Symbol.asyncDispose]())
        .then(() => this.ended()).catch(complain);
    }
    return this.#closing;
  }
}

function complain(error: unknown): void {
  log.error("Cannot end a CLI", { why: reason(error) });
}
