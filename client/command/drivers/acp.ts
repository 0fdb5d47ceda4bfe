/**
 * The driver for agents of the Agent Client Protocol, version 1: Gemini CLI, Qwen Code, opencode,
 * Copilot CLI.
 *
 * The protocol has no word for why something was denied. A reason is told in a prompt of its own,
 * when the agent has ended the turn: so the model hears it, and may go on in another way.
 *
 * @see {@link https://agentclientprotocol.com | Agent Client Protocol}
 * @module
 */

import { AcpConversation } from "./acp_conversation.ts";
import type { AcpOptions } from "./acp_session.ts";
import type { Driver } from "./mod.ts";

export type { AcpOptions } from "./acp_session.ts";

/** A driver that speaks with an agent on its standard input and output. */
export function acpDriver(options: AcpOptions): Driver {
  return async (program, host, signal) => {
    signal.throwIfAborted();
    const conversation = new AcpConversation(program, host, options);
    const stop = () => void conversation.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await conversation.open(signal);
      signal.throwIfAborted();
      return conversation;
    } catch (error) {
      await conversation.stop();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
}
