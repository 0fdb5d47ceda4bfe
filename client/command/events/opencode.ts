/**
 * What opencode says with `run --format json`. Words come when they are whole, and tools when they
 * have ended.
 *
 * @see {@link https://opencode.ai/docs/cli | opencode: CLI}
 * @module
 */

import { fields, numbers, oneLine, text } from "./fields.ts";
import type { Event, Grammar, Json, ToolKind } from "./mod.ts";

/** Reads the lines of `opencode run --format json`. */
export const opencodeGrammar: Grammar = {
  sessionId({ sessionID }) {
    return text(sessionID) || undefined;
  },

  events({ type, part }) {
    switch (type) {
      case "text":
        return words("agent_message_chunk", fields(part));
      case "reasoning":
        return words("agent_thought_chunk", fields(part));
      case "tool_use":
        return tool(fields(part));
      case "step_finish":
        return usage(fields(part));
      default:
        return [];
    }
  },

  /** There is no last event: a step that is not followed by another is the last, as far as one knows. */
  end({ type, part, error }) {
    if (type === "error") return { status: "failed", reason: errorText(error) };
    if (type !== "step_finish") return undefined;
    const { reason } = fields(part);
    switch (reason) {
      case undefined:
      case "tool-calls":
        return undefined;
      case "length":
        return { status: "failed", reason: "The model came to its limit of tokens" };
      case "content-filter":
        return { status: "failed", reason: "The model's answer was withheld by a filter" };
      default:
        return { status: "completed" };
    }
  },
};

/** An error in one line. */
function errorText(error: unknown): string {
  const { name, data } = fields(error);
  const { message, statusCode } = fields(data);
  const status = typeof statusCode === "number" ? `${statusCode}: ` : "";
  return oneLine(status + (text(message) || text(name)), 600) || "opencode gave no reason";
}

function words(
  sessionUpdate: "agent_message_chunk" | "agent_thought_chunk",
  part: Json,
): Event[] {
  const content = { type: "text", text: text(part.text) } as const;
  return content.text === "" ? [] : [{ sessionUpdate, content }];
}

const KINDS: ReadonlyMap<string, ToolKind> = new Map([
  ["bash", "execute"],
  ["read", "read"],
  ["list", "read"],
  ["glob", "search"],
  ["grep", "search"],
  ["edit", "edit"],
  ["write", "edit"],
  ["patch", "edit"],
  ["webfetch", "fetch"],
  ["websearch", "fetch"],
  ["task", "think"],
]);

/** All of a tool at once: what it was given, and what came of it. */
function tool({ callID, tool: name, state }: Json): Event[] {
  if (text(callID) === "") return [];
  const { status, input, output, error, title, metadata } = fields(state);
  const said = text(output) || text(error);
  const { filePath } = fields(input);
  return [{
    sessionUpdate: "tool_call",
    toolCallId: text(callID),
    title: oneLine(text(title)) || text(name),
    kind: KINDS.get(text(name)) ?? "other",
    status: status === "error" ? "failed" : "completed",
    rawInput: input,
    rawOutput: metadata ?? output,
    content: said === "" ? [] : [{ type: "content", content: { type: "text", text: said } }],
    ...text(filePath) === "" ? {} : { locations: [{ path: text(filePath) }] },
  }];
}

/** Of one step. */
function usage({ tokens, cost }: Json): Event[] {
  const found = numbers(fields(tokens), { input: "inputTokens", output: "outputTokens" });
  if (Object.keys(found).length === 0) return [];
  return [{
    sessionUpdate: "usage_update",
    ...found,
    ...typeof cost === "number" ? { cost } : {},
  }];
}
