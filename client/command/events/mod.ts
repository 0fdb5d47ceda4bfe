/**
 * One event model over all CLIs: the vocabulary of the Agent Client Protocol's `session/update`,
 * which four of them speak already. Every CLI's lines are read by a {@link Grammar}; the raw line
 * stays beside the events, so what a grammar does not know is never lost.
 *
 * @see {@link https://agentclientprotocol.com/protocol/schema#sessionupdate | ACP: SessionUpdate}
 * @module
 */

/** A piece of content of an event. */
export type Content =
  | { type: "text"; text: string }
  | { type: "image"; data: string; mimeType: string }
  | { type: "resource_link"; uri: string; name: string };

/** State of a tool call. */
export type ToolStatus = "pending" | "in_progress" | "completed" | "failed";

/** What a tool does, in ACP's words. */
export type ToolKind =
  | "read"
  | "edit"
  | "delete"
  | "move"
  | "search"
  | "execute"
  | "think"
  | "fetch"
  | "switch_mode"
  | "other";

/** What a tool call shows. */
export type ToolContent =
  | { type: "content"; content: Content }
  | { type: "diff"; path: string; oldText: string | null; newText: string };

/** One thing that happened in a session, as ACP's `session/update` has it. */
export type Event =
  | {
    sessionUpdate: "user_message_chunk" | "agent_message_chunk" | "agent_thought_chunk";
    content: Content;
  }
  | {
    sessionUpdate: "tool_call" | "tool_call_update";
    toolCallId: string;
    title?: string;
    kind?: ToolKind;
    status?: ToolStatus;
    rawInput?: unknown;
    rawOutput?: unknown;
    content?: ToolContent[];
    locations?: { path: string; line?: number }[];
    /** The call that started the sub-agent whose call this is. */
    parentToolCallId?: string;
  }
  | {
    sessionUpdate: "plan";
    entries: { content: string; priority?: string; status?: string }[];
  }
  | {
    sessionUpdate: "usage_update";
    inputTokens?: number;
    outputTokens?: number;
    /** US dollars, where the CLI tells. */
    cost?: number;
  }
  /**
   * What else a CLI says in ACP's words (modes, commands, session info), as it is; and in ours:
   * `notice` with a `text` for people, `agent_message_delta` and `agent_thought_delta` for pieces of
   * what comes once more as a whole.
   */
  | { sessionUpdate: string & { readonly other?: never }; [key: string]: unknown };

/** How a turn of a CLI ended, by the CLI's own terminal event. */
export interface TurnEnd {
  status: "completed" | "failed" | "cancelled";
  /** Why it failed, or what the CLI said of its end; one line. */
  reason?: string;
}

/**
 * Reads the lines of one CLI in one way of speaking with it. Pure, and without a memory, so that a
 * log can be read from any line: unknown lines give nothing, and never throw.
 */
export interface Grammar {
  /** The CLI's id of its session, if this line tells it. */
  sessionId(line: Json): string | undefined;
  /** What happened, in order; nothing for lines that are the driver's own business. */
  events(line: Json): Event[];
  /** Whether, and how, this line ends a turn. */
  end(line: Json): TurnEnd | undefined;
}

/** A parsed line: an object of JSON. */
export type Json = { readonly [key: string]: unknown };

/** The line as an object; undefined for what is no JSON object. Never throws. */
export function parseLine(line: string): Json | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value as Json : undefined;
  } catch {
    return undefined;
  }
}
