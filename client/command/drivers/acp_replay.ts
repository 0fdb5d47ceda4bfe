/**
 * What an agent says again of a session that it loads. It is in the log of that session already, and
 * must not come as something new.
 *
 * @see {@link https://agentclientprotocol.com/protocol/session-setup#loading-sessions | ACP: loading}
 * @module
 */

import { sleep } from "../../sleep.ts";
import { fields, text } from "../events/fields.ts";
import type { Message } from "./jsonrpc.ts";

/**
 * How long nothing may come before the history is thought to be over, in milliseconds. It should come
 * before the answer; Gemini CLI sends most of it afterwards.
 */
const QUIET_MS = 250;
/** Longest wait for the end of a history after the answer, in milliseconds. */
const MAX_WAIT_MS = 10_000;

/** The parts of a history; what else comes meanwhile tells how things stand now. */
const HISTORY: ReadonlySet<string> = new Set([
  "user_message_chunk",
  "agent_message_chunk",
  "agent_thought_chunk",
  "tool_call",
  "tool_call_update",
  "plan",
  "usage_update",
]);

/** Tells the history of a session from what is new. */
export class Replay {
  #running = false;
  #count = 0;

  /** Does what makes the agent send the history, and returns when it seems to be over. */
  async during<T>(load: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#running = true;
    try {
      const answer = await load();
      const deadline = Date.now() + MAX_WAIT_MS;
      for (let seen = -1; seen !== this.#count && Date.now() < deadline;) {
        seen = this.#count;
        await sleep(QUIET_MS, signal);
      }
      return answer;
    } finally {
      this.#running = false;
    }
  }

  /** Whether a message belongs to the history. */
  holdsBack(message: Message): boolean {
    if (!this.#running || message.kind !== "notification") return false;
    const { sessionUpdate } = fields(message.params.update);
    if (message.method !== "session/update" || !HISTORY.has(text(sessionUpdate))) return false;
    this.#count++;
    return true;
  }
}
