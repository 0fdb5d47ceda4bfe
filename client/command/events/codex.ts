/**
 * What `codex app-server` says.
 *
 * @see {@link https://developers.openai.com/codex/app-server | Codex app-server}
 * @module
 */

import { toolEvents } from "./codex_items.ts";
import { fields, list, text } from "./fields.ts";
import type { Event, Grammar, Json, TurnEnd } from "./mod.ts";

/** Reads the notifications of `codex app-server`. */
export const codexGrammar: Grammar = {
  sessionId({ method, params }) {
    const thread = fields(fields(params).thread);
    // Helpers of the model are threads of their own, which name their parent.
    if (method !== "thread/started" || thread.parentThreadId != null) return undefined;
    return text(thread.id) || undefined;
  },

  events({ method, params }) {
    return EVENTS.get(text(method))?.(fields(params)) ?? [];
  },

  end({ method, params }) {
    if (method !== "turn/completed") return undefined;
    const { id, rootTurnId, status, error } = fields(fields(params).turn);
    // The turn of a helper has that of its parent as its root.
    if (typeof rootTurnId === "string" && rootTurnId !== id) return undefined;
    return turnEnd(status, error);
  },
};

/** How a turn ended, by its state and error. */
export function turnEnd(status: unknown, error: unknown): TurnEnd {
  if (status === "completed") return { status };
  if (status === "interrupted") return { status: "cancelled" };
  return { status: "failed", reason: errorText(error) };
}

/** An error of Codex in one line. */
export function errorText(error: unknown): string {
  const { message, additionalDetails } = fields(error);
  const said = [text(message), text(additionalDetails)].filter(Boolean).join(": ");
  return said.replaceAll(/\s+/g, " ") || "Codex gave no reason";
}

const said = (delta: unknown): Event[] => chunk("agent_message_chunk", delta);
const thought = (delta: unknown): Event[] => chunk("agent_thought_chunk", delta);

const EVENTS: ReadonlyMap<string, (params: Json) => Event[]> = new Map(
  Object.entries<(params: Json) => Event[]>({
    "item/started": ({ item }) => [...firstWords(fields(item)), ...toolEvents(item, "started")],
    "item/completed": ({ item }) => toolEvents(item, "completed"),
    "item/agentMessage/delta": ({ delta }) => said(delta),
    "item/plan/delta": ({ delta }) => said(delta),
    "item/reasoning/textDelta": ({ delta }) => thought(delta),
    "item/reasoning/summaryTextDelta": ({ delta }) => thought(delta),
    "item/reasoning/summaryPartAdded": ({ summaryIndex }) =>
      typeof summaryIndex === "number" && summaryIndex > 0 ? thought("\n\n") : [],
    "item/fileChange/patchUpdated": ({ itemId, changes }) =>
      toolEvents({ type: "fileChange", id: itemId, changes, status: "inProgress" }, "updated"),
    "turn/plan/updated": ({ plan }) => [{
      sessionUpdate: "plan",
      entries: list(plan).map(({ step, status }) => ({
        content: text(step),
        status: status === "inProgress" ? "in_progress" : text(status),
      })),
    }],
    // One without another try is the end of the turn, and told there.
    "error": ({ error, willRetry }) => willRetry === true ? notice(errorText(error)) : [],
    "warning": ({ message }) => notice(message),
    "guardianWarning": ({ message }) => notice(message),
    "configWarning": ({ summary }) => notice(summary),
    "deprecationNotice": ({ summary }) => notice(summary),
    "thread/tokenUsage/updated": ({ tokenUsage }) => usage(fields(fields(tokenUsage).total)),
  }),
);

/**
 * The text that an item begins with: what a model says piece by piece begins with none, and comes as
 * deltas; what it says at once is there at the start, and no deltas follow. So what is whole in the
 * end has been said already.
 */
function firstWords(item: Json): Event[] {
  if (item.type === "agentMessage" || item.type === "plan") return said(item.text);
  if (item.type !== "reasoning") return [];
  const parts = [item.summary, item.content].flatMap((one) => Array.isArray(one) ? one : []);
  return thought(parts.map(text).filter(Boolean).join("\n\n"));
}

function chunk(
  sessionUpdate: "agent_message_chunk" | "agent_thought_chunk",
  value: unknown,
): Event[] {
  const said = text(value);
  return said === "" ? [] : [{ sessionUpdate, content: { type: "text", text: said } }];
}

/** What Codex says to the people, not the model. */
export function notice(message: unknown): Event[] {
  const said = text(message);
  return said === "" ? [] : [{ sessionUpdate: "notice", text: said }];
}

function usage({ inputTokens, outputTokens }: Json): Event[] {
  if (typeof inputTokens !== "number" || typeof outputTokens !== "number") return [];
  return [{ sessionUpdate: "usage_update", inputTokens, outputTokens }];
}
