/**
 * What Claude Code asks before it uses a tool, and how it is told the answer.
 *
 * @module
 */

import { toolView } from "../events/claude_tools.ts";
import { fields, list, text } from "../events/fields.ts";
import type { Json } from "../events/mod.ts";
import type { Answer, Question, Scope } from "./mod.ts";

/** What the model reads when a person denies and gives no reason. */
const DENIED = "The user does not want this tool to be used. Do not try it in another way.";

/** A request `can_use_tool` as a question. Questions and plans for the user come the same way. */
export function questionOf(request: Json): Question {
  const tool = text(request.tool_name) || "unknown";
  const { title, kind } = toolView(tool, request.input);
  return {
    tool,
    title: kind === "execute" ? `Run ${title}` : title,
    input: request.input,
    ...text(request.tool_use_id) === "" ? {} : { toolCallId: text(request.tool_use_id) },
    scopes: scopesOf(request),
    editable: true,
    ...request.permission_suggestions === undefined
      ? {}
      : { suggestions: request.permission_suggestions },
  };
}

/** The answer as Claude expects it. */
export function answerFor(request: Json, answer: Answer): Json {
  if (answer.action === "deny") {
    return {
      behavior: "deny",
      message: answer.reason || DENIED,
      decisionClassification: "user_reject",
    };
  }
  const { scope, modifiedInput } = answer;
  const updatedPermissions = scope === "once" ? [] : updates(request, scope);
  return {
    behavior: "allow",
    updatedInput: modifiedInput ?? fields(request.input),
    ...updatedPermissions.length === 0 ? {} : { updatedPermissions },
    decisionClassification: scope === "always" ? "user_permanent" : "user_temporary",
  };
}

function scopesOf(request: Json): Scope[] {
  const scopes: Scope[] = ["once"];
  if (updates(request, "session").length > 0) scopes.push("session");
  if (rules(request).some(({ destination }) => destination !== "session")) scopes.push("always");
  return scopes;
}

/**
 * What Claude is to remember: of its suggestions the rules, with the folders that they need. Another
 * mode allows more than the one tool, so it is taken only where there is no rule: for edits, where
 * Claude suggests nothing else.
 */
function updates(request: Json, scope: "session" | "always"): Json[] {
  const suggested = list(request.permission_suggestions);
  const forSession = (one: Json) => ({ ...one, destination: "session" });
  const found = rules(request);
  if (found.length > 0) {
    const folders = suggested.filter(({ type }) => type === "addDirectories");
    return [...scope === "session" ? found.map(forSession) : found, ...folders.map(forSession)];
  }
  const edits = suggested.filter(({ type, mode }) => type === "setMode" && mode === "acceptEdits");
  return scope === "session" ? edits.map(forSession) : [];
}

function rules(request: Json): Json[] {
  return list(request.permission_suggestions)
    .filter(({ type, behavior }) => type === "addRules" && behavior === "allow");
}
