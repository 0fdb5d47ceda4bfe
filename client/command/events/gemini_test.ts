import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { testWith } from "../../../common/testdata/gate.ts";
import { geminiGrammar as grammar } from "./gemini.ts";
import { lines, neverThrows, story } from "./testdata/grammar.ts";

testWith([{ name: "read" }], "a log of Gemini CLI tells its story", async () => {
  const log = await lines("gemini");
  deepStrictEqual(story(grammar, log), [
    "tool_call | execute | pending | echo hello > out.txt",
    "tool_call_update | completed",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 30 | 36",
  ]);
  strictEqual(grammar.sessionId(log[0]!), "618a7d19-30aa-44cd-aa69-89815ef68347");
  deepStrictEqual(log.map((line) => grammar.end(line)).filter((end) => end !== undefined), [
    { status: "completed" },
  ]);
});

Deno.test("an error of Gemini CLI is the reason of a failure", () => {
  const error = { type: "unknown", message: '[API Error: {"error":{"code":401}}]' };
  deepStrictEqual(grammar.end({ type: "result", status: "error", error }), {
    status: "failed",
    reason: error.message,
  });
  strictEqual(grammar.end({ type: "result", status: "error" })?.status, "failed");
  strictEqual(grammar.end({ type: "error", message: "a warning" }), undefined);
});

Deno.test("a tool of Gemini CLI that failed says why", () => {
  const [event] = grammar.events({
    type: "tool_result",
    tool_id: "1",
    status: "error",
    error: { message: "no such file" },
  });
  deepStrictEqual(event, {
    sessionUpdate: "tool_call_update",
    toolCallId: "1",
    status: "failed",
    content: [{ type: "content", content: { type: "text", text: "no such file" } }],
    rawOutput: undefined,
  });
});

Deno.test("no line of Gemini CLI is too strange", () => {
  neverThrows(
    grammar,
    ["type", "role", "content", "tool_id", "tool_name", "parameters", "status", "output", "error"]
      .concat(["message", "stats", "command", "session_id", "input_tokens"]),
    ["message", "tool_use", "tool_result", "result", "assistant", "success", "init"],
  );
});
