import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { testWith } from "../../../common/testdata/gate.ts";
import { opencodeGrammar as grammar } from "./opencode.ts";
import { lines, neverThrows, story } from "./testdata/grammar.ts";

testWith([{ name: "read" }], "a log of opencode tells its story", async () => {
  const log = await lines("opencode");
  deepStrictEqual(story(grammar, log), [
    "tool_call | execute | completed | echo hello > out.txt",
    "usage_update | 10 | 12",
    "agent_message_chunk | Tool finished. Final answer from the stub.",
    "usage_update | 10 | 12",
  ]);
  deepStrictEqual(
    new Set(log.map((line) => grammar.sessionId(line))),
    new Set([log[0]!.sessionID]),
  );
  deepStrictEqual(log.map((line) => grammar.end(line)?.status), [
    ...[undefined, undefined, undefined, undefined, undefined],
    "completed",
  ]);
});

Deno.test("a step of opencode that no other follows ends its turn", () => {
  const end = (reason?: string) => grammar.end({ type: "step_finish", part: { reason } })?.status;
  deepStrictEqual(["stop", "unknown", "tool-calls", "length", "content-filter"].map(end), [
    ...["completed", "completed", undefined, "failed", "failed"],
  ]);
  strictEqual(end(), undefined);
});

Deno.test("an error of opencode is the reason of a failure", () => {
  const end = (error: unknown) => grammar.end({ type: "error", error })?.reason;
  strictEqual(
    end({ name: "APIError", data: { message: "no\nkey", statusCode: 401 } }),
    "401: no key",
  );
  strictEqual(end({ name: "UnknownError" }), "UnknownError");
  strictEqual(end(null), "opencode gave no reason");
});

Deno.test("no line of opencode is too strange", () => {
  neverThrows(
    grammar,
    ["type", "part", "sessionID", "error", "data", "message", "text", "callID", "tool", "state"]
      .concat(["input", "output", "title", "status", "tokens", "cost", "reason", "filePath"]),
    ["text", "reasoning", "tool_use", "step_finish", "error", "stop", "tool-calls"],
  );
});
