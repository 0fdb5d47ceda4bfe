/**
 * What an agent of the Agent Client Protocol asks a person, and how it is told the answer.
 *
 * @see {@link https://agentclientprotocol.com/protocol/tool-calls | ACP: requesting permission}
 * @module
 */

import { fields, list, oneLine, text } from "../events/fields.ts";
import type { Json } from "../events/mod.ts";
import type { Answer, Question, Scope } from "./mod.ts";

/** One of the answers that an agent offers. */
interface Option {
  id: string;
  name: string;
  kind: string;
}

/** An answer to `session/request_permission`. */
export type Outcome =
  | { outcome: { outcome: "selected"; optionId: string } }
  | { outcome: { outcome: "cancelled" } };

/** What an agent gets for a question that nobody answers any more. */
export const CANCELLED: Outcome = { outcome: { outcome: "cancelled" } };

/** The question of a `session/request_permission`. */
export function questionOf({ toolCall, options }: Json): Question {
  const call = fields(toolCall);
  const { toolCallId, title, kind, rawInput, content, locations, _meta } = call;
  // Agents tell the name of the tool in their own ways, or only its kind.
  const named = text(fields(_meta).toolName) || /^(.+)__\1_/.exec(text(toolCallId))?.[1] ||
    text(kind) || "tool";
  const scopes = new Set(optionsOf(options).map(scopeOf).filter((one) => one !== undefined));
  return {
    tool: named,
    title: oneLine(text(title)) || named,
    // One agent sends no input; then what it would show is all there is.
    input: Object.keys(fields(rawInput)).length > 0 ? rawInput : { title, content, locations },
    ...typeof toolCallId === "string" ? { toolCallId } : {},
    scopes: (["once", "session", "always"] as const).filter((one) =>
      one === "once" || scopes.has(one)
    ),
    editable: false,
    suggestions: options,
  };
}

/**
 * The option that an answer comes to, by its kind: the ids differ from agent to agent. What it does
 * not offer is never widened; the tool is not used then.
 */
export function outcomeOf(answer: Answer, options: unknown): Outcome {
  const offered = optionsOf(options);
  const fitting = answer.action === "approve"
    ? offered.filter((one) => scopeOf(one) === answer.scope)
    : ["reject_once", "reject_always"].flatMap((kind) =>
      offered.filter((one) => one.kind === kind)
    );
  const option = fitting.find(({ name }) => !WIDER.test(name)) ?? fitting[0];
  return option === undefined
    ? CANCELLED
    : { outcome: { outcome: "selected", optionId: option.id } };
}

/** Two options of the same kind may differ in how much they allow; the narrower is meant. */
const WIDER = /all server tools|for user/i;
/** What outlives the agent; most agents' `allow_always` does not. */
const LASTING = /future sessions|in project|for user/i;

function scopeOf({ kind, name }: Option): Scope | undefined {
  if (kind === "allow_once") return "once";
  if (kind !== "allow_always") return undefined;
  return LASTING.test(name) ? "always" : "session";
}

function optionsOf(options: unknown): Option[] {
  return list(options).flatMap(({ optionId, name, kind }) =>
    typeof optionId === "string" ? [{ id: optionId, name: text(name), kind: text(kind) }] : []
  );
}
