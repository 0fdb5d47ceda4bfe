/**
 * What `codex exec --json` says. Words come when they are whole.
 *
 * @see {@link https://developers.openai.com/codex/noninteractive | Codex, non-interactive}
 * @module
 */

import { errorText, notice } from "./codex.ts";
import { toolEvents } from "./codex_items.ts";
import { fields, list, text } from "./fields.ts";
import type { Event, Grammar, Json } from "./mod.ts";

/** Reads the lines of `codex exec --json`. */
export const codexExecGrammar: Grammar = {
  sessionId({ type, thread_id }) {
    return type === "thread.started" ? text(thread_id) || undefined : undefined;
  },

  events({ type, item, usage, message }) {
    switch (type) {
      case "item.started":
        return [...plan(fields(item)), ...toolEvents(item, "started")];
      case "item.updated":
        return [...plan(fields(item)), ...toolEvents(item, "updated")];
      case "item.completed":
        return [...words(fields(item)), ...plan(fields(item)), ...toolEvents(item, "completed")];
      case "turn.completed":
        return tokens(fields(usage));
      case "error":
        return notice(message);
      default:
        return [];
    }
  },

  end({ type, error }) {
    if (type === "turn.completed") return { status: "completed" };
    // A plain `error` tells of another try, or comes before this.
    if (type === "turn.failed") return { status: "failed", reason: errorText(error) };
    return undefined;
  },
};

/** What an item says that is no tool. */
function words({ type, text: whole, message }: Json): Event[] {
  if (type === "error") return notice(message);
  const content = { type: "text", text: text(whole) } as const;
  if (content.text === "") return [];
  if (type === "agent_message") return [{ sessionUpdate: "agent_message_chunk", content }];
  return type === "reasoning" ? [{ sessionUpdate: "agent_thought_chunk", content }] : [];
}

function plan({ type, items }: Json): Event[] {
  if (type !== "todo_list") return [];
  const entries = list(items).map(({ text: content, completed }) => ({
    content: text(content),
    status: completed === true ? "completed" : "pending",
  }));
  return [{ sessionUpdate: "plan", entries }];
}

/** Of the whole thread, turns before this one included. */
function tokens({ input_tokens, output_tokens }: Json): Event[] {
  if (typeof input_tokens !== "number" || typeof output_tokens !== "number") return [];
  return [{
    sessionUpdate: "usage_update",
    inputTokens: input_tokens,
    outputTokens: output_tokens,
  }];
}
