import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { testWith } from "../../../common/testdata/gate.ts";
import { copilotGrammar as grammar } from "./copilot.ts";
import { lines, neverThrows, story } from "./testdata/grammar.ts";

testWith([{ name: "read" }], "a log of Copilot CLI tells its story", async () => {
  const log = await lines("copilot");
  deepStrictEqual(story(grammar, log), [
    "tool_call | execute | in_progress | echo hello > out.txt",
    "tool_call_update | completed",
    "agent_message_delta | Tool finished. Final answer from the stub.",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
  ]);
  strictEqual(grammar.sessionId(log.at(-1)!), "a12c1c7c-ed01-4fed-91a0-a6ce47992978");
  deepStrictEqual(log.map((line) => grammar.end(line)).filter((end) => end !== undefined), [
    { status: "completed" },
  ]);
});

Deno.test("why a turn of Copilot CLI failed stands before its result", () => {
  const error = { type: "session.error", data: { message: "Authentication\n  failed" } };
  deepStrictEqual(grammar.end(error), { status: "failed", reason: "Authentication failed" });
  // The driver keeps the last end it was told.
  strictEqual(grammar.end({ type: "result", exitCode: 1 }), undefined);
  deepStrictEqual(grammar.events(error), [
    { sessionUpdate: "notice", text: "Authentication\n  failed" },
  ]);
});

Deno.test("no line of Copilot CLI is too strange", () => {
  neverThrows(
    grammar,
    ["type", "data", "content", "deltaContent", "toolCallId", "toolName", "arguments", "success"]
      .concat(["result", "error", "message", "contents", "text", "exitCode", "sessionId", "path"]),
    ["assistant.message", "tool.execution_start", "tool.execution_complete", "session.error"]
      .concat(["result", "session.info"]),
  );
});
