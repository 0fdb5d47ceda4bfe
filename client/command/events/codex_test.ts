import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { testWith } from "../../../common/testdata/gate.ts";
import { codexGrammar as grammar } from "./codex.ts";
import { codexExecGrammar as execGrammar } from "./codex_exec.ts";
import { type Event, type Grammar, type Json, parseLine } from "./mod.ts";

const ID = "01a204ee-d6b5-7650-ba46-4e81c8cce625";

/** A log that Codex wrote, all but the folders in it. */
async function lines(name: string): Promise<Json[]> {
  const text = await Deno.readTextFile(new URL(`testdata/${name}`, import.meta.url));
  return text.trimEnd().split("\n").map((line) => parseLine(line)!);
}

/** What was said, one string a stretch of the same kind, and the tools between. */
function story(events: Event[]): unknown[] {
  const told: [string, string][] = [];
  for (const event of events) {
    const { sessionUpdate } = event;
    const { content, title, status } = event as { content?: Json; title?: string; status?: string };
    if (sessionUpdate === "usage_update" || sessionUpdate === "notice") continue;
    const text = sessionUpdate.endsWith("_chunk") ? String(content?.text) : `${title} ${status}`;
    const last = told.at(-1);
    if (last?.[0] === sessionUpdate && sessionUpdate.endsWith("_chunk")) last[1] += text;
    else told.push([sessionUpdate, text]);
  }
  return told;
}

function fileTest(name: string, fn: () => Promise<void>): void {
  testWith([{ name: "read" }], name, fn);
}

const read = (one: Grammar, log: Json[]) => log.flatMap((line) => one.events(line));

fileTest("Codex: a log of the app-server is told without doubles", async () => {
  const log = await lines("codex.jsonl");
  deepStrictEqual(story(read(grammar, log)), [
    ["agent_thought_chunk", "I look first."],
    ["agent_message_chunk", "Let me see. "],
    ["tool_call", "cat a.txt && false in_progress"],
    ["tool_call_update", "cat a.txt && false failed"],
    ["tool_call", "Edit a.txt, b.txt, c.txt, new.txt in_progress"],
    ["tool_call_update", "Edit a.txt, b.txt, c.txt, new.txt completed"],
    ["tool_call", "t: poke in_progress"],
    ["tool_call_update", "t: poke completed"],
    ["tool_call", "cats in_progress"],
    ["tool_call_update", "cats completed"],
    ["tool_call", "rg -n two . in_progress"],
    ["tool_call_update", "rg -n two . failed"],
    // The model said this at once, so there were no deltas.
    ["agent_message_chunk", "Whole at once."],
  ]);
  deepStrictEqual(log.map((line) => grammar.sessionId(line)).filter(Boolean), [ID]);
  deepStrictEqual(log.map((line) => grammar.end(line)).filter(Boolean), [{ status: "completed" }]);
  strictEqual(grammar.end(log.at(-1)!)?.status, "completed");
});

fileTest("Codex: tool calls carry what they did", async () => {
  const events = read(grammar, await lines("codex.jsonl"));
  const calls = events.filter((one) => one.sessionUpdate === "tool_call_update");
  const [command, edit, mcp, web, search] = calls as Extract<Event, { rawInput?: unknown }>[];
  deepStrictEqual(command, {
    sessionUpdate: "tool_call_update",
    toolCallId: "call_55",
    status: "failed",
    title: "cat a.txt && false",
    kind: "execute",
    rawInput: { command: "/bin/bash -lc 'cat a.txt && false'", cwd: "/home/me/project" },
    rawOutput: { exitCode: 1 },
    content: [{
      type: "content",
      content: {
        type: "text",
        text: "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n",
      },
    }],
  });
  const diff = (name: string, oldText: string | null, newText: string) => ({
    type: "diff",
    path: `/home/me/project/${name}`,
    oldText,
    newText,
  });
  deepStrictEqual(edit?.content, [
    diff("a.txt", "one\ntwo\nthree\n", "one\nTWO\nthree\n"),
    diff("a.txt", "eight\nnine\nten\n", "eight\nten\neleven\n"),
    diff("b.txt", "gone\n", ""),
    diff("c.txt", "mv\n", "MV\n"),
    diff("new.txt", null, "alpha\nbeta\n"),
  ]);
  deepStrictEqual([edit?.kind, edit?.locations], [
    "move",
    ["a", "b", "c", "new"].map((name) => ({ path: `/home/me/project/${name}.txt` })),
  ]);
  deepStrictEqual([mcp?.rawInput, mcp?.content], [
    { a: "b" },
    [{ type: "content", content: { type: "text", text: 'poked {"a":"b"}' } }],
  ]);
  deepStrictEqual([web?.kind, search?.kind], ["search", "search"]);
});

fileTest("Codex: a log of exec is told without doubles", async () => {
  const log = await lines("codex_exec.jsonl");
  const events = read(execGrammar, log);
  deepStrictEqual(story(events), [
    ["agent_thought_chunk", "I look first."],
    ["agent_message_chunk", "Let me see. "],
    ["tool_call", "cat a.txt && false in_progress"],
    ["tool_call_update", "cat a.txt && false failed"],
    ["tool_call", "Edit a.txt, b.txt, c.txt, new.txt in_progress"],
    ["tool_call_update", "Edit a.txt, b.txt, c.txt, new.txt completed"],
    ["tool_call", "t: poke in_progress"],
    ["tool_call_update", "t: poke failed"],
    ["tool_call", "cats in_progress"],
    ["tool_call_update", "cats completed"],
    ["tool_call", "rg -n two . in_progress"],
    ["tool_call_update", "rg -n two . failed"],
    ["agent_message_chunk", "Whole at once."],
  ]);
  deepStrictEqual(events.at(-1), {
    sessionUpdate: "usage_update",
    inputTokens: 50,
    outputTokens: 60,
  });
  strictEqual(log.map((line) => execGrammar.sessionId(line)).filter(Boolean).length, 1);
  deepStrictEqual(execGrammar.end(log.at(-1)!), { status: "completed" });
});

Deno.test("Codex: how a turn ended is told with its reason", () => {
  const turn = (more: Json) => ({
    method: "turn/completed",
    params: { threadId: "t", turn: { id: "1", rootTurnId: "1", status: "failed", ...more } },
  });
  deepStrictEqual(grammar.end(turn({ status: "interrupted" })), { status: "cancelled" });
  deepStrictEqual(
    grammar.end(turn({ error: { message: "no\nkey", additionalDetails: "401" } })),
    { status: "failed", reason: "no key: 401" },
  );
  deepStrictEqual(grammar.end(turn({ error: null })), {
    status: "failed",
    reason: "Codex gave no reason",
  });
  strictEqual(grammar.end(turn({ rootTurnId: "another" })), undefined, "that of a helper");
  const failed = { type: "turn.failed", error: { message: "no" } };
  deepStrictEqual(execGrammar.end(failed), { status: "failed", reason: "no" });
  strictEqual(execGrammar.end({ type: "error", message: "Reconnecting... 1/5" }), undefined);
});

Deno.test("Codex: what it says to people", () => {
  const notice = (text: string) => [{ sessionUpdate: "notice", text }];
  const error = { message: "Reconnecting... 1/5", additionalDetails: "status 401" };
  const read = (method: string, params: Json) => grammar.events({ method, params });
  deepStrictEqual(
    read("error", { error, willRetry: true }),
    notice("Reconnecting... 1/5: status 401"),
  );
  deepStrictEqual(read("error", { error, willRetry: false }), [], "the end of the turn tells it");
  deepStrictEqual(read("warning", { message: "old" }), notice("old"));
  deepStrictEqual(read("configWarning", { summary: "odd" }), notice("odd"));
  const item = { id: "item_0", type: "error", message: "odd" };
  deepStrictEqual(execGrammar.events({ type: "item.completed", item }), notice("odd"));
  deepStrictEqual(execGrammar.events({ type: "error", message: "1/5" }), notice("1/5"));
});

Deno.test("Codex: plans", () => {
  const plan = [{ step: "one", status: "inProgress" }, { step: "two", status: "pending" }];
  deepStrictEqual(grammar.events({ method: "turn/plan/updated", params: { plan } }), [{
    sessionUpdate: "plan",
    entries: [
      { content: "one", status: "in_progress" },
      { content: "two", status: "pending" },
    ],
  }]);
  const items = [{ text: "one", completed: true }, { text: "two", completed: false }];
  const item = { id: "item_1", type: "todo_list", items };
  deepStrictEqual(execGrammar.events({ type: "item.updated", item }), [{
    sessionUpdate: "plan",
    entries: [{ content: "one", status: "completed" }, { content: "two", status: "pending" }],
  }]);
});

Deno.test("Codex: the session of a helper is not that of the log", () => {
  const started = (parentThreadId: string | null) =>
    grammar.sessionId({
      method: "thread/started",
      params: { thread: { id: "x", parentThreadId } },
    });
  deepStrictEqual([started(null), started("parent")], ["x", undefined]);
});

fileTest("Codex: no line makes a grammar throw", async () => {
  const log = [...await lines("codex.jsonl"), ...await lines("codex_exec.jsonl")];
  const check = (line: Json) => {
    for (const one of [grammar, execGrammar]) {
      one.sessionId(line);
      ok(Array.isArray(one.events(line)));
      one.end(line);
    }
  };
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), check));
  // Real lines, with something else in one place.
  const mutated = fc.tuple(fc.constantFrom(...log), fc.nat(), odd()).map(([line, at, value]) => {
    let left = at % 60;
    return JSON.parse(JSON.stringify(line), (_, old) => left-- === 0 ? value : old);
  }).filter((line): line is Json => typeof line === "object" && line !== null);
  fc.assert(fc.property(mutated, check), { numRuns: 2000 });
});

/** Values where nobody expects them, with names that every object knows. */
function odd(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("constructor", "__proto__", "toString", "", null, [], [null], [[]]),
    fc.constant({ toString: 1, valueOf: 1 }),
  );
}
