/**
 * What Gemini CLI says with `-o stream-json`.
 *
 * @see {@link https://geminicli.com/docs/cli/headless | Gemini CLI: headless mode}
 * @module
 */

import { fields, numbers, oneLine, text } from "./fields.ts";
import type { Event, Grammar, Json, ToolKind, TurnEnd } from "./mod.ts";

/** Reads the lines of `gemini -o stream-json`. */
export const geminiGrammar: Grammar = {
  sessionId({ type, session_id }) {
    return type === "init" ? text(session_id) || undefined : undefined;
  },

  events(line) {
    switch (line.type) {
      case "message":
        return message(line);
      case "tool_use":
        return toolUse(line);
      case "tool_result":
        return toolResult(line);
      case "result":
        return usage(fields(line.stats));
      default:
        return [];
    }
  },

  end(line) {
    return line.type === "result" ? outcome(line) : undefined;
  },
};

function message({ role, content }: Json): Event[] {
  // What the user said is in the log already, in our own words.
  if (role !== "assistant" || text(content) === "") return [];
  return [{
    sessionUpdate: "agent_message_chunk",
    content: { type: "text", text: text(content) },
  }];
}

const KINDS: ReadonlyMap<string, ToolKind> = new Map([
  ["run_shell_command", "execute"],
  ["read_file", "read"],
  ["read_many_files", "read"],
  ["list_directory", "read"],
  ["glob", "search"],
  ["grep_search", "search"],
  ["search_file_content", "search"],
  ["replace", "edit"],
  ["write_file", "edit"],
  ["web_fetch", "fetch"],
  ["google_web_search", "fetch"],
]);

function toolUse({ tool_id, tool_name, parameters }: Json): Event[] {
  if (text(tool_id) === "") return [];
  const name = text(tool_name);
  const { command, file_path, path, pattern, query } = fields(parameters);
  const subject = [command, file_path, path, pattern, query].map(text).find(Boolean);
  return [{
    sessionUpdate: "tool_call",
    toolCallId: text(tool_id),
    title: oneLine(subject ?? "") || name,
    kind: KINDS.get(name) ?? "other",
    status: "pending",
    rawInput: parameters,
    ...text(file_path) === "" ? {} : { locations: [{ path: text(file_path) }] },
  }];
}

function toolResult({ tool_id, status, output, error }: Json): Event[] {
  if (text(tool_id) === "") return [];
  const said = text(output) || text(fields(error).message);
  return [{
    sessionUpdate: "tool_call_update",
    toolCallId: text(tool_id),
    status: status === "success" ? "completed" : "failed",
    content: said === "" ? [] : [{ type: "content", content: { type: "text", text: said } }],
    rawOutput: output,
  }];
}

function usage(stats: Json): Event[] {
  const found = numbers(stats, { input_tokens: "inputTokens", output_tokens: "outputTokens" });
  return Object.keys(found).length === 0 ? [] : [{ sessionUpdate: "usage_update", ...found }];
}

function outcome({ status, error }: Json): TurnEnd {
  if (status === "success") return { status: "completed" };
  const why = oneLine(text(fields(error).message), 600);
  return { status: "failed", reason: why || "Gemini CLI gave no reason" };
}
