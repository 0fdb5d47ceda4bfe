/**
 * What Claude Code says with `--output-format stream-json`, and Qwen Code with `-o stream-json`: one
 * object a line, one line a block of a message.
 *
 * @see {@link https://docs.claude.com/en/docs/claude-code/sdk/sdk-headless | Claude Code, headless}
 * @module
 */

import { planOf, toolView } from "./claude_tools.ts";
import { fields, list, oneLine, text } from "./fields.ts";
import type { Content, Event, Grammar, Json, ToolContent, TurnEnd } from "./mod.ts";

/** Reads the lines of Claude Code and of Qwen Code. */
export const claudeGrammar: Grammar = {
  sessionId({ session_id }) {
    return text(session_id) || undefined;
  },

  events(line) {
    switch (line.type) {
      case "assistant":
        return blocks(line).flatMap((block) => said(block, parentOf(line)));
      case "user":
        return heard(line);
      case "stream_event":
        return typeof line.parent_tool_use_id === "string" ? [] : piece(fields(line.event));
      case "system":
        return system(line);
      case "result":
        return usage(line);
      default:
        return [];
    }
  },

  end(line) {
    return line.type === "result" ? outcome(line) : undefined;
  },
};

/** The blocks of a message, whose content may be a plain text as well. */
function blocks({ message }: Json): Json[] {
  const { content } = fields(message);
  return typeof content === "string" ? [{ type: "text", text: content }] : list(content);
}

/** A block of the model's. The words of sub-agents are for their agent; its tool call gives them. */
function said(block: Json, parent: Parent): Event[] {
  const { type, id, name, input } = block;
  switch (type) {
    case "text":
      return parent.parentToolCallId === undefined ? words("agent_message_chunk", block.text) : [];
    case "thinking":
      return parent.parentToolCallId === undefined
        ? words("agent_thought_chunk", block.thinking)
        : [];
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use": {
      if (text(id) === "") return [];
      const entries = planOf(text(name), input);
      return [
        {
          sessionUpdate: "tool_call",
          toolCallId: text(id),
          status: "pending",
          rawInput: input,
          ...toolView(text(name), input),
          ...parent,
        },
        ...entries === undefined ? [] : [{ sessionUpdate: "plan" as const, entries }],
      ];
    }
    default:
      return toolResult(block, undefined, parent);
  }
}

interface Parent {
  parentToolCallId?: string;
}

function parentOf({ parent_tool_use_id }: Json): Parent {
  return text(parent_tool_use_id) === "" ? {} : { parentToolCallId: text(parent_tool_use_id) };
}

/** What the model is told: results of tools, and prompts that nobody wrote into this session. */
function heard(line: Json): Event[] {
  const parent = parentOf(line);
  const isOurs = line.isReplay === true || line.isMeta === true || line.isSynthetic === true ||
    parent.parentToolCallId !== undefined;
  return blocks(line).flatMap((block) => {
    if (block.type !== "text") return toolResult(block, line.tool_use_result, parent);
    if (isOurs) return [];
    // Claude tells the model so; no person has said it.
    const isNotice = text(block.text).startsWith("[Request interrupted");
    return isNotice ? notice(text(block.text)) : words("user_message_chunk", block.text);
  });
}

/** Results have a type of their own where the vendor runs the tool: `web_search_tool_result`. */
function toolResult(block: Json, raw: unknown, parent: Parent): Event[] {
  const { type, tool_use_id, is_error, content } = block;
  if (!text(type).endsWith("tool_result") || text(tool_use_id) === "") return [];
  const shown: ToolContent[] =
    (typeof content === "string" ? [{ type: "text", text: content }] : list(content)).flatMap(
      asContent,
    ).map((content) => ({ type: "content", content }));
  return [{
    sessionUpdate: "tool_call_update",
    toolCallId: text(tool_use_id),
    status: is_error === true ? "failed" : "completed",
    content: shown,
    rawOutput: raw ?? content,
    ...parent,
  }];
}

function asContent({ type, text: words, source, url, title }: Json): Content[] {
  if (type === "text") return [{ type: "text", text: text(words) }];
  if (type === "web_search_result") {
    return [{ type: "resource_link", uri: text(url), name: text(title) }];
  }
  const { data, media_type } = fields(source);
  if (type !== "image" || typeof data !== "string") return [];
  return [{ type: "image", data, mimeType: text(media_type) || "image/png" }];
}

function words(
  sessionUpdate: "user_message_chunk" | "agent_message_chunk" | "agent_thought_chunk",
  value: unknown,
): Event[] {
  const content = { type: "text", text: text(value) } as const;
  return content.text === "" ? [] : [{ sessionUpdate, content }];
}

/**
 * With `--include-partial-messages` the words come piece by piece, and then all of them once more.
 * Pieces have a name of their own, so that who adds up the chunks has every word once.
 */
function piece({ type, delta }: Json): Event[] {
  if (type !== "content_block_delta") return [];
  const { text: said, thinking } = fields(delta);
  const content = { type: "text", text: text(said) || text(thinking) } as const;
  if (content.text === "") return [];
  return [{
    sessionUpdate: text(said) === "" ? "agent_thought_delta" : "agent_message_delta",
    content,
  }];
}

function system(line: Json): Event[] {
  const mode = text(line.permissionMode) || text(line.permission_mode);
  switch (line.subtype) {
    case "init":
      return mode === "" ? [] : [{ sessionUpdate: "current_mode_update", currentModeId: mode }];
    case "status":
      if (line.status === "compacting") return notice("The conversation is being compacted");
      return mode === "" ? [] : [{ sessionUpdate: "current_mode_update", currentModeId: mode }];
    case "session_title_changed":
      return [{ sessionUpdate: "session_info_update", title: text(line.title) }];
    case "api_retry": {
      const { attempt, max_retries, error_status, error } = line;
      const why = [error_status, error].map(plain).filter((one) => one !== "").join(" ");
      const tries = `${plain(attempt)} of ${plain(max_retries)}`;
      return notice(`The model does not answer (${why}): try ${tries}`);
    }
    case "compact_boundary":
      return notice("The conversation was compacted");
    case "informational":
    case "local_command_output":
      return notice(text(line.content));
    case "task_notification":
      return notice(text(line.summary));
    default:
      return [];
  }
}

/** A text or a number as text; an object might not even let itself be made one. */
function plain(value: unknown): string {
  return typeof value === "number" ? String(value) : text(value);
}

function notice(words: string): Event[] {
  return words === "" ? [] : [{ sessionUpdate: "notice", text: words }];
}

/** Tokens of this turn; the cost is that of the whole process so far. */
function usage({ usage, total_cost_usd }: Json): Event[] {
  const count = (...keys: string[]) => {
    const counts = keys.map((key) => fields(usage)[key]).filter((one) => typeof one === "number");
    return counts.length === 0 ? undefined : counts.reduce((sum, one) => sum + one, 0);
  };
  const inputTokens = count(
    ...["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"],
  );
  const outputTokens = count("output_tokens");
  if (inputTokens === undefined || outputTokens === undefined) return [];
  const cost = typeof total_cost_usd === "number" ? { cost: total_cost_usd } : {};
  return [{ sessionUpdate: "usage_update", inputTokens, outputTokens, ...cost }];
}

/** A failure may be called `success`: what counts is `is_error`. */
function outcome(line: Json): TurnEnd {
  const { subtype, is_error, result, errors, error, terminal_reason } = line;
  if (text(terminal_reason).startsWith("aborted")) return { status: "cancelled" };
  if (subtype === "success" && is_error !== true) return { status: "completed" };
  const told = (Array.isArray(errors) ? errors : []).map(text).filter((one) => one !== "");
  const why = text(result) || told.join("; ") || text(fields(error).message) || text(error) ||
    text(terminal_reason) || text(subtype) || "the CLI does not say why";
  return { status: "failed", reason: oneLine(why, 1000) };
}
