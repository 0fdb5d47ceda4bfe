/**
 * What Claude Code and Qwen Code call their tools, and what a call of one shows.
 *
 * @module
 */

import { fields, list, oneLine, text } from "./fields.ts";
import type { Json, ToolContent, ToolKind } from "./mod.ts";

/** What a call shows before it has run. */
export interface ToolView {
  title: string;
  kind: ToolKind;
  content?: ToolContent[];
  locations?: { path: string; line?: number }[];
}

/** How a call of this tool is shown to a person. Never throws. */
export function toolView(name: string, input: unknown): ToolView {
  const read = TOOLS.get(name) ?? TOOLS.get(NAMES_OF_QWEN.get(name) ?? "");
  const { title, ...view } = read?.(fields(input)) ?? other(name);
  return { ...view, title: oneLine(title) || name };
}

/** What a list of things to do becomes; undefined for every other tool. */
export function planOf(
  name: string,
  input: unknown,
): { content: string; status: string }[] | undefined {
  if (name !== "TodoWrite" && name !== "todo_write") return undefined;
  return list(fields(input).todos).map(({ content, status }) => ({
    content: text(content),
    status: text(status) || "pending",
  }));
}

const TOOLS: ReadonlyMap<string, (input: Json) => ToolView> = new Map([
  ["Bash", run],
  ["BashOutput", () => ({ title: "Read the output of a command", kind: "execute" as const })],
  ["KillShell", () => ({ title: "End a command", kind: "execute" as const })],
  ["Read", readFile],
  ["LS", (input) => ({ title: `List ${pathOf(input)}`, kind: "search", ...location(input) })],
  ["Write", writeFile],
  ["Edit", editFile],
  ["MultiEdit", multiEdit],
  ["NotebookEdit", (input) => ({ ...editFile(input), ...location(input) })],
  ["Glob", search],
  ["Grep", search],
  ["WebSearch", ({ query }) => ({ title: `Search the web for ${text(query)}`, kind: "search" })],
  ["WebFetch", fetchPage],
  ["Task", agent],
  ["Agent", agent],
  ["TodoWrite", () => ({ title: "Update the list of things to do", kind: "think" })],
  ["AskUserQuestion", question],
  ["EnterPlanMode", () => ({ title: "Make a plan first", kind: "switch_mode" })],
  ["ExitPlanMode", plan],
]);

const NAMES_OF_QWEN: ReadonlyMap<string, string> = new Map([
  ["run_shell_command", "Bash"],
  ["read_file", "Read"],
  ["read_many_files", "Read"],
  ["list_directory", "LS"],
  ["write_file", "Write"],
  ["edit", "Edit"],
  ["replace", "Edit"],
  ["notebook_edit", "NotebookEdit"],
  ["glob", "Glob"],
  ["grep_search", "Grep"],
  ["search_file_content", "Grep"],
  ["web_fetch", "WebFetch"],
  ["web_search", "WebSearch"],
  ["task", "Task"],
  ["agent", "Task"],
  ["todo_write", "TodoWrite"],
  ["ask_user_question", "AskUserQuestion"],
  ["exit_plan_mode", "ExitPlanMode"],
]);

function run({ command, description }: Json): ToolView {
  return {
    title: text(command),
    kind: "execute",
    ...text(description) === "" ? {} : { content: [asContent(text(description))] },
  };
}

function readFile(input: Json): ToolView {
  const { offset } = input;
  const line = typeof offset === "number" && offset > 0 ? { line: offset } : {};
  return { title: `Read ${pathOf(input)}`, kind: "read", ...location(input, line) };
}

function writeFile(input: Json): ToolView {
  const path = pathOf(input);
  const content: ToolContent[] = [
    { type: "diff", path, oldText: null, newText: text(input.content) },
  ];
  return { title: `Write ${path}`, kind: "edit", content, ...location(input) };
}

function editFile(input: Json): ToolView {
  return {
    title: `Edit ${pathOf(input)}`,
    kind: "edit",
    content: [change(pathOf(input), input)],
    ...location(input),
  };
}

function multiEdit(input: Json): ToolView {
  const path = pathOf(input);
  const content = list(input.edits).map((one) => change(path, one));
  return { title: `Edit ${path}`, kind: "edit", content, ...location(input) };
}

function change(path: string, { old_string, new_string, new_source }: Json): ToolContent {
  // Of a notebook's cell only the new text is told.
  const oldText = typeof old_string === "string" ? old_string : null;
  return { type: "diff", path, oldText, newText: text(new_string ?? new_source) };
}

function search(input: Json): ToolView {
  const where = pathOf(input) === "" ? "" : ` in ${pathOf(input)}`;
  return { title: `Search ${text(input.pattern)}${where}`, kind: "search", ...location(input) };
}

function fetchPage({ url, prompt }: Json): ToolView {
  return {
    title: `Fetch ${text(url)}`,
    kind: "fetch",
    ...text(prompt) === "" ? {} : { content: [asContent(text(prompt))] },
  };
}

function agent({ description, prompt }: Json): ToolView {
  return {
    title: text(description),
    kind: "think",
    ...text(prompt) === "" ? {} : { content: [asContent(text(prompt))] },
  };
}

function question({ questions }: Json): ToolView {
  return { title: list(questions).map(({ question }) => text(question)).join(" "), kind: "other" };
}

function plan({ plan }: Json): ToolView {
  return {
    title: "Begin with the plan",
    kind: "switch_mode",
    ...text(plan) === "" ? {} : { content: [asContent(text(plan))] },
  };
}

/** `mcp__server__tool` is a tool of an MCP server. */
function other(name: string): ToolView {
  const [prefix, server, ...tool] = name.split("__");
  const title = prefix === "mcp" && tool.length > 0 ? `${server}: ${tool.join("__")}` : name;
  return { title, kind: "other" };
}

function pathOf({ file_path, absolute_path, notebook_path, path }: Json): string {
  return text(file_path) || text(absolute_path) || text(notebook_path) || text(path);
}

function location(input: Json, more: { line?: number } = {}): Pick<ToolView, "locations"> {
  const path = pathOf(input);
  return path === "" ? {} : { locations: [{ path, ...more }] };
}

function asContent(text: string): ToolContent {
  return { type: "content", content: { type: "text", text } };
}
