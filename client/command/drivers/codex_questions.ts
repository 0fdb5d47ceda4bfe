/**
 * What Codex asks a person, and how it is told the answer.
 *
 * @module
 */

import { changesTitle, commandTitle } from "../events/codex_items.ts";
import { fields, list, text } from "../events/fields.ts";
import type { Json } from "../events/mod.ts";
import type { Handler } from "./jsonrpc.ts";
import type { Answer, Question, Scope } from "./mod.ts";

/** Longest title of a question, in characters. */
const MAX_TITLE = 300;

/** What the questions of Codex need of the conversation that they belong to. */
export interface Asking {
  /** Brings a question to a person. */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
  /** The items that have begun and not ended: what is asked about them does not repeat them. */
  readonly items: ReadonlyMap<string, Json>;
  /** Tells the model why it may not; Codex itself has no word for that. */
  explain(params: Json, reason: string): Promise<void>;
}

/** The handlers of all that Codex asks. */
export function codexHandlers(asking: Asking): Record<string, Handler> {
  const handler = (read: (params: Json, asking: Asking) => Asked): Handler => {
    return async (params, signal) => {
      const { answers, edited, ...question } = read(params, asking);
      const scopes = (["once", "session", "always"] as const).filter((one) => one in answers);
      const title = oneLine(question.title);
      const answer = await asking.ask({ editable: false, ...question, title, scopes }, signal);
      if (answer.action === "deny") {
        if (answer.reason !== undefined) await asking.explain(params, answer.reason);
        return answers.deny;
      }
      const { scope, modifiedInput } = answer;
      if (edited !== undefined && modifiedInput !== undefined) return edited(fields(modifiedInput));
      return answers[scope] ?? answers.once;
    };
  };
  return {
    "item/commandExecution/requestApproval": handler(command),
    "item/fileChange/requestApproval": handler(fileChange),
    "item/permissions/requestApproval": handler(permissions),
    "item/tool/requestUserInput": handler(userInput),
    "mcpServer/elicitation/request": handler(elicitation),
  };
}

/** A question, and what Codex gets for each answer. */
interface Asked extends Omit<Question, "scopes" | "editable"> {
  editable?: boolean;
  answers: { once: unknown; deny: unknown } & Partial<Record<Scope, unknown>>;
  /** What it gets for a yes with this input. */
  edited?: (input: Json) => unknown;
}

const decision = (decision: unknown) => ({ decision });

function command(params: Json): Asked {
  const { itemId, command, networkApprovalContext, additionalPermissions, kind } = params;
  const offered = Array.isArray(params.availableDecisions) ? params.availableDecisions : undefined;
  const amendment = offered?.find(isAllowing);
  const host = text(fields(networkApprovalContext).host);
  // Codex remembers a command for the session also where it does not offer to.
  const plain = networkApprovalContext == null && additionalPermissions == null &&
    kind !== "humanCommand";
  const session = plain || offered?.includes("acceptForSession") === true;
  return {
    tool: "commandExecution",
    title: text(command) === "" ? `Connect to ${host}` : `Run ${commandTitle(params)}`,
    input: pick(params, [
      ...["command", "cwd", "reason", "kind", "commandActions"],
      ...["networkApprovalContext", "additionalPermissions"],
    ]),
    toolCallId: text(itemId),
    suggestions: offered,
    answers: {
      once: decision("accept"),
      deny: decision("decline"),
      ...session ? { session: decision("acceptForSession") } : {},
      ...amendment === undefined ? {} : { always: decision(amendment) },
    },
  };
}

/** Whether it is a decision that allows the like of this from now on. */
function isAllowing(one: unknown): boolean {
  const { acceptWithExecpolicyAmendment, applyNetworkPolicyAmendment } = fields(one);
  const network = fields(fields(applyNetworkPolicyAmendment).network_policy_amendment);
  return acceptWithExecpolicyAmendment !== undefined || network.action === "allow";
}

function fileChange(params: Json, { items }: Asking): Asked {
  const id = text(params.itemId);
  const changes = items.get(id)?.changes ?? [];
  return {
    tool: "fileChange",
    title: changesTitle({ changes }),
    input: { changes, ...pick(params, ["reason", "grantRoot"]) },
    toolCallId: id,
    answers: {
      once: decision("accept"),
      session: decision("acceptForSession"),
      deny: decision("decline"),
    },
  };
}

function permissions({ itemId, cwd, reason, permissions }: Json): Asked {
  const granted = fields(permissions);
  return {
    tool: "permissions",
    title: text(reason) || "Work with more permissions",
    input: { permissions, cwd, ...reason == null ? {} : { reason } },
    toolCallId: text(itemId),
    answers: {
      once: { permissions: pick(granted, Object.keys(granted)), scope: "turn" },
      session: { permissions: pick(granted, Object.keys(granted)), scope: "session" },
      deny: { permissions: {}, scope: "turn" },
    },
  };
}

/** A yes carries the answers in its input: `{"answers": {"question id": ["answer"]}}`. */
function userInput({ itemId, questions }: Json): Asked {
  const first = text(list(questions)[0]?.question);
  return {
    tool: "requestUserInput",
    title: first || "Answer a question",
    input: { questions, answers: {} },
    toolCallId: text(itemId),
    editable: true,
    answers: { once: { answers: {} }, deny: { answers: {} } },
    edited: ({ answers }) => ({
      answers: Object.fromEntries(
        Object.entries(fields(answers)).map(([id, value]) => [id, { answers: [value].flat() }]),
      ),
    }),
  };
}

/** A question of an MCP server, or whether one of its tools may be used. */
function elicitation(params: Json, asking: Asking): Asked {
  const meta = fields(params._meta);
  const answer = (action: string, content: unknown, _meta: unknown = null) => ({
    action,
    content,
    _meta,
  });
  if (meta.codex_approval_kind === "mcp_tool_call") return mcpTool(params, meta, asking);
  return {
    tool: `${text(params.serverName)}: elicitation`,
    title: text(params.message),
    // The form is filled in by a yes with `content`.
    input: { content: {}, ...pick(params, ["message", "requestedSchema", "url"]) },
    editable: params.url === undefined,
    answers: { once: answer("accept", {}), deny: answer("decline", null) },
    edited: ({ content }) => answer("accept", content ?? {}),
  };
}

function mcpTool(params: Json, meta: Json, { items }: Asking): Asked {
  const { serverName, message } = params;
  const call = [...items.values()].findLast(({ type, server, tool }) =>
    type === "mcpToolCall" && server === serverName && tool === meta.tool_name
  );
  const persist = Array.isArray(meta.persist) ? meta.persist : [];
  const accept = (_meta: unknown) => ({ action: "accept", content: {}, _meta });
  return {
    tool: `${text(serverName)}: ${text(meta.tool_name)}`,
    title: text(message),
    input: meta.tool_params,
    ...call === undefined ? {} : { toolCallId: text(call.id) },
    answers: {
      once: accept(null),
      ...persist.includes("session") ? { session: accept({ persist: "session" }) } : {},
      ...persist.includes("always") ? { always: accept({ persist: "always" }) } : {},
      deny: { action: "decline", content: null, _meta: null },
    },
  };
}

function pick(params: Json, names: readonly string[]): Json {
  return Object.fromEntries(
    names.flatMap((name) => params[name] == null ? [] : [[name, params[name]]]),
  );
}

function oneLine(title: string): string {
  const line = title.replaceAll(/\s+/g, " ").trim();
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE)}…` : line;
}
