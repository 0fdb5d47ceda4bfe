/**
 * What Copilot CLI says with `--output-format json`.
 *
 * @see {@link https://docs.github.com/copilot/how-tos/copilot-cli | Copilot CLI}
 * @module
 */

import { fields, list, oneLine, text } from "./fields.ts";
import type { Event, Grammar, Json, ToolKind } from "./mod.ts";

/** Reads the lines of `copilot --output-format json`. */
export const copilotGrammar: Grammar = {
  /** Only the last line of a run tells it. */
  sessionId({ type, sessionId }) {
    return type === "result" ? text(sessionId) || undefined : undefined;
  },

  events({ type, data }) {
    return EVENTS.get(text(type))?.(fields(data)) ?? [];
  },

  /** The exit code says only that it failed; why is in the line before. */
  end({ type, exitCode, data }) {
    if (type === "session.error") {
      const why = oneLine(text(fields(data).message), 600);
      return { status: "failed", reason: why || "Copilot gave no reason" };
    }
    return type === "result" && exitCode === 0 ? { status: "completed" } : undefined;
  },
};

const EVENTS: ReadonlyMap<string, (data: Json) => Event[]> = new Map(
  Object.entries<(data: Json) => Event[]>({
    "assistant.message": ({ content }) => words("agent_message_chunk", content),
    // Pieces come first, and then all of them once more: so they have a name of their own.
    "assistant.message_delta": ({ deltaContent }) => words("agent_message_delta", deltaContent),
    "assistant.reasoning": ({ content }) => words("agent_thought_chunk", content),
    "assistant.reasoning_delta": ({ deltaContent }) => words("agent_thought_delta", deltaContent),
    "tool.execution_start": toolStart,
    "tool.execution_complete": toolEnd,
    "session.info": notice,
    "session.warning": notice,
    "session.error": notice,
  }),
);

function words(sessionUpdate: string, value: unknown): Event[] {
  if (text(value) === "") return [];
  return [{ sessionUpdate, content: { type: "text", text: text(value) } }];
}

function notice({ message }: Json): Event[] {
  return text(message) === "" ? [] : [{ sessionUpdate: "notice", text: text(message) }];
}

const KINDS: ReadonlyMap<string, ToolKind> = new Map([
  ["bash", "execute"],
  ["powershell", "execute"],
  ["view", "read"],
  ["glob", "search"],
  ["grep", "search"],
  ["rg", "search"],
  ["create", "edit"],
  ["edit", "edit"],
  ["apply_patch", "edit"],
  ["web_fetch", "fetch"],
  ["task", "think"],
]);

function toolStart({ toolCallId, toolName, arguments: input }: Json): Event[] {
  if (text(toolCallId) === "") return [];
  const { command, path, pattern, url } = fields(input);
  const subject = [command, path, pattern, url].map(text).find(Boolean);
  return [{
    sessionUpdate: "tool_call",
    toolCallId: text(toolCallId),
    title: oneLine(subject ?? "") || text(toolName),
    kind: KINDS.get(text(toolName)) ?? "other",
    status: "in_progress",
    rawInput: input,
    ...text(path) === "" ? {} : { locations: [{ path: text(path) }] },
  }];
}

function toolEnd({ toolCallId, success, result, error }: Json): Event[] {
  if (text(toolCallId) === "") return [];
  const { content, contents } = fields(result);
  const said = text(content) || text(fields(error).message) ||
    list(contents).map(({ text: part }) => text(part)).join("\n");
  return [{
    sessionUpdate: "tool_call_update",
    toolCallId: text(toolCallId),
    status: success === true ? "completed" : "failed",
    content: said === "" ? [] : [{ type: "content", content: { type: "text", text: said } }],
    rawOutput: result ?? error,
  }];
}
