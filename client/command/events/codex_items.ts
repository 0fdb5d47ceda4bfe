/**
 * What Codex calls an item, when it is the use of a tool. The app-server and `codex exec` know the
 * same items; names are in camel case in the one, and in snake case in the other.
 *
 * @module
 */

import { fields, list, text } from "./fields.ts";
import { hunks } from "./hunks.ts";
import type { Content, Event, Json, ToolContent, ToolKind, ToolStatus } from "./mod.ts";

/** A tool call, all but how it is announced. */
type Tool = Omit<Extract<Event, { sessionUpdate: "tool_call" | "tool_call_update" }>, Omitted>;
type Omitted = "sessionUpdate" | "toolCallId" | "status";

/** The event of an item that has begun, changed or ended; nothing for those that are no tools. */
export function toolEvents(item: unknown, step: "started" | "updated" | "completed"): Event[] {
  const { id, type, status } = fields(item);
  const read = TOOLS.get(text(type).replaceAll("_", "").toLowerCase());
  if (read === undefined || typeof id !== "string") return [];
  return [{
    sessionUpdate: step === "started" ? "tool_call" : "tool_call_update",
    toolCallId: id,
    status: STATUS.get(text(status)) ?? (step === "completed" ? "completed" : "in_progress"),
    ...read(fields(item)),
  }];
}

const STATUS: ReadonlyMap<string, ToolStatus> = new Map([
  ["inProgress", "in_progress"],
  ["in_progress", "in_progress"],
  ["completed", "completed"],
  ["failed", "failed"],
  ["declined", "failed"],
  ["interrupted", "failed"],
]);

/** By their types, without case and underscores. */
const TOOLS: ReadonlyMap<string, (item: Json) => Tool> = new Map([
  ["commandexecution", command],
  ["filechange", fileChange],
  ["mcptoolcall", mcpToolCall],
  ["dynamictoolcall", dynamicToolCall],
  ["collabagenttoolcall", agentCall],
  ["collabtoolcall", agentCall],
  ["websearch", webSearch],
  ["imageview", imageView],
  ["imagegeneration", imageGeneration],
]);

function command(item: Json): Tool {
  const actions = list(item.commandActions);
  const paths = actions.map(({ path }) => path).filter((path) => typeof path === "string");
  const output = text(item.aggregatedOutput ?? item.aggregated_output);
  const exitCode = item.exitCode ?? item.exit_code;
  return {
    title: commandTitle(item),
    kind: commandKind(actions),
    rawInput: { command: text(item.command), ...pick(item, "cwd") },
    ...typeof exitCode === "number" ? { rawOutput: { exitCode } } : {},
    ...output === "" ? {} : { content: [asContent(output)] },
    ...paths.length === 0 ? {} : { locations: paths.map((path) => ({ path })) },
  };
}

/** The command that the model wanted, without the shell around it. */
export function commandTitle({ command, commandActions }: Json): string {
  const [only, ...more] = list(commandActions);
  const inner = text(only?.command);
  if (inner !== "" && more.length === 0) return inner;
  const [, quoted, word] = /^\S*sh -l?c (?:'([^']*)'|(\S+))$/.exec(text(command)) ?? [];
  return quoted ?? word ?? text(command);
}

function commandKind(actions: readonly Json[]): ToolKind {
  const kinds = new Set(actions.map(({ type }) => text(type)));
  if (kinds.size === 0) return "execute";
  if ([...kinds].every((kind) => kind === "read")) return "read";
  const search = [...kinds].every((kind) => ["read", "listFiles", "search"].includes(kind));
  return search ? "search" : "execute";
}

function fileChange(item: Json): Tool {
  const changes = list(item.changes);
  const paths = changes.map(({ path }) => text(path));
  const content = changes.flatMap(changeContent);
  return {
    title: changesTitle(item),
    kind: changeKind(changes),
    rawInput: { changes },
    locations: paths.map((path) => ({ path })),
    ...content.length === 0 ? {} : { content },
  };
}

/** The names of the files that a change touches. */
export function changesTitle({ changes }: Json): string {
  const names = list(changes).map(({ path }) => text(path).split(/[\\/]/).at(-1));
  return `Edit ${names.join(", ")}`;
}

function changeKind(changes: readonly Json[]): ToolKind {
  const all = (kind: string) =>
    changes.length > 0 && changes.every((one) => changeType(one.kind) === kind);
  if (all("delete")) return "delete";
  return changes.some(({ kind }) => text(fields(kind).move_path) !== "") ? "move" : "edit";
}

function changeType(kind: unknown): string {
  return text(kind) || text(fields(kind).type);
}

/** `codex exec` names the files only. */
function changeContent({ path, kind, diff }: Json): ToolContent[] {
  if (typeof path !== "string" || typeof diff !== "string") return [];
  switch (changeType(kind)) {
    case "add":
      return [{ type: "diff", path, oldText: null, newText: diff }];
    case "delete":
      return [{ type: "diff", path, oldText: diff, newText: "" }];
    default:
      return hunks(path, diff);
  }
}

function mcpToolCall(item: Json): Tool {
  const output = item.result ?? item.error ?? undefined;
  const message = text(fields(item.error).message);
  const content = message === ""
    ? list(fields(item.result).content).flatMap(mcpContent)
    : [asContent(message)];
  return {
    title: `${text(item.server)}: ${text(item.tool)}`,
    kind: "other",
    rawInput: item.arguments,
    ...output === undefined ? {} : { rawOutput: output },
    ...content.length === 0 ? {} : { content },
  };
}

function mcpContent({ type, text: said, data, mimeType }: Json): ToolContent[] {
  if (type === "text" && typeof said === "string") return [asContent(said)];
  if (type !== "image" || typeof data !== "string" || typeof mimeType !== "string") return [];
  return [{ type: "content", content: { type, data, mimeType } }];
}

function dynamicToolCall(item: Json): Tool {
  const content = list(item.contentItems).flatMap(({ text: said }) =>
    typeof said === "string" ? [asContent(said)] : []
  );
  return {
    title: text(item.tool),
    kind: "other",
    rawInput: item.arguments,
    ...content.length === 0 ? {} : { content },
  };
}

function agentCall(item: Json): Tool {
  return {
    title: [text(item.tool), text(item.prompt)].filter(Boolean).join(": "),
    kind: "other",
    rawInput: pick(item, "prompt", "receiverThreadIds", "receiver_thread_ids"),
    rawOutput: pick(item, "agentsStates", "agents_states"),
  };
}

function webSearch(item: Json): Tool {
  const { type, url } = fields(item.action);
  return {
    title: text(item.query) || text(url) || "Search the web",
    kind: type === "open_page" || type === "find_in_page" ? "fetch" : "search",
    rawInput: pick(item, "query", "action"),
  };
}

function imageView(item: Json): Tool {
  const path = text(item.path);
  return { title: `View ${path}`, kind: "read", locations: [{ path }] };
}

function imageGeneration(item: Json): Tool {
  const data = text(item.result);
  const image: Content = { type: "image", data, mimeType: "image/png" };
  return {
    title: text(item.revisedPrompt) || "Make an image",
    kind: "other",
    ...data === "" ? {} : { content: [{ type: "content", content: image }] },
  };
}

function asContent(said: string): ToolContent {
  return { type: "content", content: { type: "text", text: said } };
}

function pick(item: Json, ...names: string[]): Json {
  const found = names.flatMap((name) => item[name] == null ? [] : [[name, item[name]] as const]);
  return Object.fromEntries(found);
}
