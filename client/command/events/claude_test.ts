import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { testWith } from "../../../common/testdata/gate.ts";
import { claudeGrammar as grammar } from "./claude.ts";
import { planOf, toolView } from "./claude_tools.ts";
import { type Json, parseLine } from "./mod.ts";

/** A log that a CLI wrote, all but the folders in it and some of the pieces. */
async function lines(name: string): Promise<Json[]> {
  const text = await Deno.readTextFile(new URL(`testdata/${name}.jsonl`, import.meta.url));
  return text.trimEnd().split("\n").map((line) => parseLine(line)!);
}

/** One line an event: what it is, and what it shows. */
function story(log: Json[]): string[] {
  return log.flatMap((line) => grammar.events(line)).map((event) => {
    const { sessionUpdate, ...rest } = event as Json;
    const { content, title, status, text, currentModeId, inputTokens } = rest;
    const words = (content as Json | undefined)?.text;
    return [sessionUpdate, status, title, words, text, currentModeId, inputTokens]
      .filter((one) => one !== undefined).join(" | ");
  });
}

testWith([{ name: "read" }], "a log of Claude Code tells its story", async () => {
  const log = await lines("claude");
  deepStrictEqual(story(log), [
    "current_mode_update | default",
    "agent_message_delta | Hello ",
    "agent_message_delta | from the stub.",
    "agent_message_chunk | Hello from the stub.",
    "usage_update | 10",
    "agent_message_chunk | I will use a tool.",
    "tool_call | pending | echo hello > made.txt",
    "tool_call_update | completed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 20",
    "agent_message_chunk | I will use a tool.",
    "tool_call | pending | rm made.txt",
    "tool_call_update | failed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 20",
    "agent_message_chunk | I will use a tool.",
    "tool_call | pending | Write /home/me/project/w.txt",
    "tool_call_update | completed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 20",
    "agent_message_chunk | I will use a tool.",
    "tool_call | pending | Edit /home/me/project/w.txt",
    "tool_call_update | completed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 20",
    "agent_message_chunk | I will use a tool.",
    "tool_call | pending | Read /home/me/project/w.txt",
    "tool_call_update | completed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 20",
    "notice | The model does not answer (401 authentication_failed): try 1 of 1",
    "agent_message_chunk | Failed to authenticate. API Error: 401 the prompt asked for this",
    "usage_update | 0",
    "agent_message_chunk | slow chunk 0. slow chunk 1. ",
    "notice | [Request interrupted by user]",
    "usage_update | 0",
  ]);
  deepStrictEqual(log.map((line) => grammar.end(line)).filter((end) => end !== undefined), [
    ...Array(6).fill({ status: "completed" }),
    {
      status: "failed",
      reason: "Failed to authenticate. API Error: 401 the prompt asked for this",
    },
    { status: "cancelled" },
  ]);
  strictEqual(new Set(log.map((line) => grammar.sessionId(line))).size, 1);
});

testWith([{ name: "read" }], "a log of Qwen Code tells its story", async () => {
  const log = await lines("qwen");
  deepStrictEqual(story(log), [
    "current_mode_update | yolo",
    "tool_call | pending | echo hello > out.txt",
    "tool_call_update | completed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 20",
  ]);
  deepStrictEqual(grammar.end(log.at(-1)!), { status: "completed" });
});

Deno.test("a turn ends as its result says, not as it is called", () => {
  const end = (more: Json) => grammar.end({ type: "result", ...more });
  deepStrictEqual(end({ subtype: "success", is_error: false }), { status: "completed" });
  deepStrictEqual(end({ subtype: "success", is_error: true, result: "API Error: 500" }), {
    status: "failed",
    reason: "API Error: 500",
  });
  deepStrictEqual(
    end({ subtype: "error_during_execution", errors: ["No conversation found with\nID x"] }),
    { status: "failed", reason: "No conversation found with ID x" },
  );
  deepStrictEqual(end({ subtype: "error_max_turns", is_error: true }), {
    status: "failed",
    reason: "error_max_turns",
  });
  deepStrictEqual(
    end({ subtype: "error_during_execution", is_error: true, error: { message: "quota" } }),
    { status: "failed", reason: "quota" },
  );
  deepStrictEqual(end({ subtype: "error_during_execution", terminal_reason: "aborted_tools" }), {
    status: "cancelled",
  });
  strictEqual(grammar.end({ type: "assistant", subtype: "success" }), undefined);
});

Deno.test("results of tools may hold texts, images and links", () => {
  const image = {
    type: "image",
    source: { type: "base64", data: "AAAA", media_type: "image/png" },
  };
  const content = [
    { type: "text", text: "a" },
    image,
    { type: "web_search_result", url: "https://a", title: "A" },
  ];
  const result = { type: "tool_result", tool_use_id: "t", content };
  const [event] = grammar.events({ type: "user", message: { content: [result] } }) as Json[];
  deepStrictEqual(event, {
    sessionUpdate: "tool_call_update",
    toolCallId: "t",
    status: "completed",
    content: [
      { type: "content", content: { type: "text", text: "a" } },
      { type: "content", content: { type: "image", data: "AAAA", mimeType: "image/png" } },
      { type: "content", content: { type: "resource_link", uri: "https://a", name: "A" } },
    ],
    rawOutput: content,
  });
});

Deno.test("a sub-agent's tools bear the call that started it, and its words are its own", () => {
  const line = (content: unknown[]) => ({
    type: "assistant",
    parent_tool_use_id: "parent",
    message: { content },
  });
  deepStrictEqual(grammar.events(line([{ type: "text", text: "to myself" }])), []);
  const call = { type: "tool_use", id: "t", name: "Grep", input: { pattern: "x", path: "src" } };
  deepStrictEqual(grammar.events(line([call])), [{
    sessionUpdate: "tool_call",
    toolCallId: "t",
    status: "pending",
    title: "Search x in src",
    kind: "search",
    locations: [{ path: "src" }],
    rawInput: call.input,
    parentToolCallId: "parent",
  }]);
  deepStrictEqual(grammar.events({ ...line([{ type: "text", text: "do" }]), type: "user" }), []);
});

Deno.test("what the session itself was told is not told again", () => {
  const user = (more: Json, text: string) =>
    grammar.events({ type: "user", message: { role: "user", content: text }, ...more });
  deepStrictEqual(user({ isReplay: true }, "hello"), []);
  deepStrictEqual(user({ isSynthetic: true }, "a summary"), []);
  deepStrictEqual(user({}, "hello").map(({ sessionUpdate }) => sessionUpdate), [
    "user_message_chunk",
  ]);
});

Deno.test("tools show what they do", () => {
  const cases: [name: string, input: unknown, expected: Json][] = [
    ["Bash", { command: "ls\n-l", description: "List" }, {
      title: "ls -l",
      kind: "execute",
      content: [{ type: "content", content: { type: "text", text: "List" } }],
    }],
    ["Read", { file_path: "/a", offset: 7 }, {
      title: "Read /a",
      kind: "read",
      locations: [{ path: "/a", line: 7 }],
    }],
    ["Write", { file_path: "/a", content: "new" }, {
      title: "Write /a",
      kind: "edit",
      content: [{ type: "diff", path: "/a", oldText: null, newText: "new" }],
      locations: [{ path: "/a" }],
    }],
    ["edit", { file_path: "/a", old_string: "x", new_string: "y" }, {
      title: "Edit /a",
      kind: "edit",
      content: [{ type: "diff", path: "/a", oldText: "x", newText: "y" }],
      locations: [{ path: "/a" }],
    }],
    ["MultiEdit", { file_path: "/a", edits: [{ old_string: "x", new_string: "y" }] }, {
      title: "Edit /a",
      kind: "edit",
      content: [{ type: "diff", path: "/a", oldText: "x", newText: "y" }],
      locations: [{ path: "/a" }],
    }],
    ["list_directory", { path: "/a" }, {
      title: "List /a",
      kind: "search",
      locations: [{ path: "/a" }],
    }],
    ["WebFetch", { url: "https://a" }, { title: "Fetch https://a", kind: "fetch" }],
    ["Task", { description: "Look" }, { title: "Look", kind: "think" }],
    ["mcp__files__read_all", {}, { title: "files: read_all", kind: "other" }],
    ["Unheard", {}, { title: "Unheard", kind: "other" }],
    ["Bash", null, { title: "Bash", kind: "execute" }],
  ];
  for (const [name, input, expected] of cases) deepStrictEqual(toolView(name, input), expected);
  const todos = [{ content: "a", status: "completed", activeForm: "doing a" }, { content: "b" }];
  deepStrictEqual(planOf("TodoWrite", { todos }), [
    { content: "a", status: "completed" },
    { content: "b", status: "pending" },
  ]);
});

Deno.test("no line breaks it", () => {
  const key = fc.constantFrom(
    ...["type", "subtype", "message", "content", "event", "delta", "text", "id", "name", "input"],
    ...["source", "usage", "errors", "error", "tool_use_id", "todos", "edits", "attempt", "result"],
  );
  const word = fc.constantFrom(
    ...["assistant", "user", "system", "result", "stream_event", "tool_use", "tool_result", "text"],
    ...["init", "status", "api_retry", "content_block_delta", "TodoWrite", "MultiEdit", "image"],
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      word,
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 6 }),
      // Cannot be made a string.
      fc.constant({ toString: 1, valueOf: 1 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, value), (line) => {
      ok(Array.isArray(grammar.events(line)));
      grammar.sessionId(line);
      grammar.end(line);
    }),
    { numRuns: 2000 },
  );
});
