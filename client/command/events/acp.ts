/**
 * What agents of the Agent Client Protocol say. Its `session/update` is the vocabulary of our events,
 * so most of it passes as it is.
 *
 * @see {@link https://agentclientprotocol.com/protocol/schema | ACP: schema}
 * @module
 */

import { fields, numbers, oneLine, text } from "./fields.ts";
import type { Event, Grammar, Json, TurnEnd } from "./mod.ts";

/** What differs between agents. */
export interface AcpDialect {
  /** A tool that needs a permission is announced by the request for it, and by nothing else. */
  announcesByAsking?: boolean;
}

/** A grammar for the messages of an agent. */
export function acpGrammar({ announcesByAsking = false }: AcpDialect = {}): Grammar {
  const asked = announcesByAsking ? "tool_call" : "tool_call_update";
  return {
    sessionId({ method, params, result }) {
      const of = method === undefined ? result : params;
      // One agent is loaded with a space before its id: see `drivers/acp_session.ts`.
      return text(fields(of).sessionId).trim() || undefined;
    },

    events({ method, params, result }) {
      switch (method) {
        case "session/update":
          return updated(fields(fields(params).update));
        case "session/request_permission":
          return called(asked, fields(fields(params).toolCall));
        case undefined:
          return answered(fields(result));
        default:
          return [];
      }
    },

    end({ method, result }) {
      return method === undefined ? acpEnd(fields(result)) : undefined;
    },
  };
}

/** How a turn ended, by the answer to its prompt; undefined for another answer. */
export function acpEnd({ stopReason }: Json): TurnEnd | undefined {
  switch (stopReason) {
    case undefined:
      return undefined;
    case "end_turn":
      return { status: "completed" };
    case "cancelled":
      return { status: "cancelled" };
    case "refusal":
      return { status: "failed", reason: "The model refused to go on" };
    case "max_tokens":
      return { status: "failed", reason: "The model came to its limit of tokens" };
    case "max_turn_requests":
      return { status: "failed", reason: "The CLI came to its limit of requests in one turn" };
    default:
      return {
        status: "failed",
        reason: `It stopped: ${oneLine(text(stopReason)) || "no reason"}`,
      };
  }
}

function updated(update: Json): Event[] {
  const { sessionUpdate, content, _meta } = update;
  if (typeof sessionUpdate !== "string") return [];
  if (sessionUpdate === "usage_update") return [budget(update)];
  const spent = tokens(fields(fields(_meta).usage));
  // Some tell what was spent with a piece of text that has no text.
  if (spent.length > 0 && fields(content).text === "") return spent;
  return [{ ...update, sessionUpdate }, ...spent];
}

/** How full the context is; the cost is an object there, and a number with us. */
function budget({ cost, ...update }: Json): Event {
  const { amount, currency } = fields(cost);
  return {
    ...update,
    sessionUpdate: "usage_update",
    ...typeof amount === "number" && currency === "USD" ? { cost: amount } : {},
  };
}

function called(sessionUpdate: "tool_call" | "tool_call_update", call: Json): Event[] {
  const { toolCallId } = call;
  return typeof toolCallId === "string" ? [{ ...call, sessionUpdate, toolCallId }] : [];
}

/** The answer to a prompt tells what was spent, each agent in its own place. */
function answered({ stopReason, usage, _meta }: Json): Event[] {
  if (stopReason === undefined) return [];
  const counted = fields(fields(fields(_meta).quota).token_count);
  return [...tokens(fields(usage)), ...tokens(counted)];
}

function tokens(usage: Json): Event[] {
  const found = numbers(usage, {
    inputTokens: "inputTokens",
    outputTokens: "outputTokens",
    input_tokens: "inputTokens",
    output_tokens: "outputTokens",
  });
  return Object.keys(found).length === 0 ? [] : [{ sessionUpdate: "usage_update", ...found }];
}
