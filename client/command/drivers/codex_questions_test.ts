import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Json } from "../events/mod.ts";
import { type Asking, codexHandlers } from "./codex_questions.ts";
import type { Answer, Question, Scope } from "./mod.ts";

const NEVER = new AbortController().signal;
const ALLOW = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["touch", "a"] } };
const COMMAND: Json = {
  kind: "command",
  threadId: "thread",
  turnId: "turn",
  itemId: "call_1",
  command: "/bin/bash -lc 'touch a'",
  cwd: "/home/me/project",
  reason: null,
  availableDecisions: ["accept", ALLOW, "cancel"],
};
const yes = (scope: Scope = "once", modifiedInput?: unknown): Answer => ({
  action: "approve",
  scope,
  modifiedInput,
});

/** What a person is asked, what Codex gets, and what the model is told. */
async function asked(
  method: string,
  params: Json,
  answer: Answer,
  items: ReadonlyMap<string, Json> = new Map(),
): Promise<{ question: Question; result: unknown; told: string[] }> {
  const questions: Question[] = [];
  const told: string[] = [];
  const asking: Asking = {
    ask: (question) => {
      questions.push(question);
      return Promise.resolve(answer);
    },
    items,
    explain: (_params, why) => Promise.resolve(void told.push(why)),
  };
  const result = await codexHandlers(asking)[method]!(params, NEVER);
  strictEqual(questions.length, 1);
  return { question: questions[0]!, result, told };
}

Deno.test("Codex's questions: a command, for each length of a yes", async () => {
  const command = (answer: Answer) =>
    asked("item/commandExecution/requestApproval", COMMAND, answer);
  const { question, result } = await command(yes());
  deepStrictEqual(question, {
    tool: "commandExecution",
    title: "Run touch a",
    input: { command: "/bin/bash -lc 'touch a'", cwd: "/home/me/project", kind: "command" },
    toolCallId: "call_1",
    suggestions: ["accept", ALLOW, "cancel"],
    scopes: ["once", "session", "always"],
    editable: false,
  });
  deepStrictEqual(result, { decision: "accept" });
  deepStrictEqual((await command(yes("session"))).result, { decision: "acceptForSession" });
  deepStrictEqual((await command(yes("always"))).result, { decision: ALLOW });
});

Deno.test("Codex's questions: a no goes to the model with its reason", async () => {
  const method = "item/commandExecution/requestApproval";
  const { result, told } = await asked(method, COMMAND, { action: "deny", reason: "not now" });
  deepStrictEqual([result, told], [{ decision: "decline" }, ["not now"]]);
  deepStrictEqual((await asked(method, COMMAND, { action: "deny" })).told, []);
});

Deno.test("Codex's questions: the network, and only what it can remember", async () => {
  const amend = (action: string) => ({
    applyNetworkPolicyAmendment: { network_policy_amendment: { host: "example.com", action } },
  });
  const params = {
    itemId: "call_1",
    command: null,
    networkApprovalContext: { host: "example.com", protocol: "https" },
    availableDecisions: ["accept", amend("deny"), amend("allow")],
  };
  const method = "item/commandExecution/requestApproval";
  const { question, result } = await asked(method, params, yes("always"));
  deepStrictEqual([question.title, question.scopes], ["Connect to example.com", [
    "once",
    "always",
  ]]);
  deepStrictEqual(result, { decision: amend("allow") });
});

Deno.test("Codex's questions: a change of files shows its diff", async () => {
  const changes = [{ path: "/home/me/a.txt", kind: { type: "add" }, diff: "one\n" }];
  const items = new Map([["call_1", { type: "fileChange", changes }]]);
  const method = "item/fileChange/requestApproval";
  const params = { itemId: "call_1", reason: "outside", grantRoot: null };
  const { question, result } = await asked(method, params, yes("session"), items);
  deepStrictEqual(question.input, { changes, reason: "outside" });
  deepStrictEqual([question.title, question.scopes], ["Edit a.txt", ["once", "session"]]);
  deepStrictEqual(result, { decision: "acceptForSession" });
});

Deno.test("Codex's questions: more permissions are given as they were asked for", async () => {
  const network = { enabled: true };
  const params = {
    itemId: "call_1",
    cwd: "/home/me",
    reason: "npm install",
    permissions: { network, fileSystem: null },
  };
  const ask = (answer: Answer) => asked("item/permissions/requestApproval", params, answer);
  const { question, result } = await ask(yes("session"));
  strictEqual(question.title, "npm install");
  deepStrictEqual(result, { permissions: { network }, scope: "session" });
  deepStrictEqual((await ask({ action: "deny" })).result, { permissions: {}, scope: "turn" });
});

Deno.test("Codex's questions: a yes carries the answers to questions of the model", async () => {
  const params = {
    itemId: "call_1",
    questions: [{ id: "colour", question: "Which colour?", options: null }, { id: "size" }],
  };
  const method = "item/tool/requestUserInput";
  const input = { answers: { colour: "red", size: ["s", "m"] } };
  const { question, result } = await asked(method, params, yes("once", input));
  deepStrictEqual([question.title, question.editable], ["Which colour?", true]);
  deepStrictEqual(result, {
    answers: { colour: { answers: ["red"] }, size: { answers: ["s", "m"] } },
  });
  deepStrictEqual((await asked(method, params, yes())).result, { answers: {} });
});

Deno.test("Codex's questions: a tool of an MCP server, and what a server asks", async () => {
  const tool = {
    serverName: "bell",
    message: "Allow?",
    requestedSchema: { type: "object", properties: {} },
    _meta: {
      codex_approval_kind: "mcp_tool_call",
      persist: ["session"],
      tool_name: "ring",
      tool_params: { times: 1 },
    },
  };
  const items = new Map([["call_1", {
    type: "mcpToolCall",
    id: "call_1",
    server: "bell",
    tool: "ring",
  }]]);
  const method = "mcpServer/elicitation/request";
  const { question, result } = await asked(method, tool, yes("session"), items);
  deepStrictEqual(question, {
    tool: "bell: ring",
    title: "Allow?",
    input: { times: 1 },
    toolCallId: "call_1",
    scopes: ["once", "session"],
    editable: false,
  });
  deepStrictEqual(result, { action: "accept", content: {}, _meta: { persist: "session" } });
  const form = { serverName: "bell", message: "Who?", requestedSchema: {}, _meta: null };
  const filled = await asked(method, form, yes("once", { content: { name: "Ann" } }));
  deepStrictEqual(filled.result, { action: "accept", content: { name: "Ann" }, _meta: null });
  deepStrictEqual((await asked(method, form, { action: "deny" })).result, {
    action: "decline",
    content: null,
    _meta: null,
  });
});

Deno.test("Codex's questions: titles are one line, and short", async () => {
  const command = `echo ${"x".repeat(1000)}\necho`;
  const { question } = await asked(
    "item/commandExecution/requestApproval",
    { ...COMMAND, command },
    yes(),
  );
  ok(!question.title.includes("\n"));
  ok(question.title.length <= 301);
});

Deno.test("Codex's questions: one that nobody wants answered is no yes", async () => {
  const gone = new DOMException("gone", "AbortError");
  const handlers = codexHandlers({
    ask: () => Promise.reject(gone),
    items: new Map(),
    explain: () => Promise.resolve(),
  });
  await rejects(handlers["item/commandExecution/requestApproval"]!(COMMAND, NEVER), gone);
});
