import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { testWith } from "../../../common/testdata/gate.ts";
import { acpGrammar } from "./acp.ts";
import { lines, neverThrows, story } from "./testdata/grammar.ts";

const grammar = acpGrammar();

testWith([{ name: "read" }], "agents tell the same story in their own ways", async () => {
  const said = "Tool finished. Final answer from the stub.";
  const gemini = acpGrammar({ announcesByAsking: true });
  deepStrictEqual(story(gemini, await lines("acp_gemini")), [
    "tool_call | execute | pending | touch acp-gemini.txt",
    "tool_call_update | execute | completed | touch acp-gemini.txt",
    `agent_message_chunk | ${said}`,
    "usage_update | 20 | 24",
  ]);
  deepStrictEqual(story(grammar, await lines("acp_qwen")), [
    "tool_call | execute | pending | Shell",
    "usage_update | 10 | 12",
    "tool_call_update | execute | pending | touch acp-qwen.txt (stub command)",
    "tool_call_update | completed",
    `agent_message_chunk | ${said}`,
    "usage_update | 10 | 12",
  ]);
  deepStrictEqual(story(grammar, await lines("acp_opencode")), [
    "tool_call | execute | pending | bash",
    "tool_call_update | execute | in_progress | touch acp-oc.txt",
    "tool_call_update | execute | pending | touch acp-oc.txt",
    "tool_call_update | execute | in_progress | touch acp-oc.txt",
    "tool_call_update | completed | touch acp-oc.txt",
    `agent_message_chunk | ${said}`,
    "usage_update",
    "usage_update | 10 | 12",
  ]);
  deepStrictEqual(story(grammar, await lines("acp_copilot")), [
    "session_info_update | Run it [[tool:touch acp-cp.txt]]",
    "usage_update",
    "tool_call | execute | pending | stub command",
    "tool_call_update | execute | pending | stub command",
    "tool_call_update | completed",
    "usage_update",
    `agent_message_chunk | ${said}`,
    "usage_update | 20 | 24",
  ]);
});

testWith([{ name: "read" }], "agents tell their session, and how a turn ended", async () => {
  for (const name of ["acp_gemini", "acp_qwen", "acp_opencode", "acp_copilot"]) {
    const log = await lines(name);
    const ids = log.map((line) => grammar.sessionId(line)).filter((id) => id !== undefined);
    strictEqual(new Set(ids).size, 1, name);
    const ends = log.map((line) => grammar.end(line)).filter((end) => end !== undefined);
    deepStrictEqual(ends, [{ status: "completed" }], name);
  }
});

Deno.test("an agent's reasons to stop are outcomes of a turn", () => {
  const end = (stopReason: unknown) => grammar.end({ id: 1, result: { stopReason } });
  deepStrictEqual(end("cancelled"), { status: "cancelled" });
  for (const reason of ["refusal", "max_tokens", "max_turn_requests", "sunset", 7]) {
    strictEqual(end(reason)?.status, "failed", String(reason));
  }
  strictEqual(grammar.end({ id: 1, result: { sessionId: "s" } }), undefined);
  strictEqual(grammar.end({ id: 1, method: "m", result: { stopReason: "end_turn" } }), undefined);
});

Deno.test("what an agent's tokens cost is a number, in dollars", () => {
  const update = (cost: unknown) =>
    grammar.events({
      method: "session/update",
      params: { update: { sessionUpdate: "usage_update", used: 1, size: 2, cost } },
    });
  const usage = { sessionUpdate: "usage_update", used: 1, size: 2 };
  deepStrictEqual(update({ amount: 0.5, currency: "USD" }), [{ ...usage, cost: 0.5 }]);
  deepStrictEqual(update({ amount: 0.5, currency: "EUR" }), [usage]);
});

Deno.test("no line of an agent is too strange", () => {
  neverThrows(
    grammar,
    ["method", "params", "result", "update", "sessionUpdate", "sessionId", "toolCall", "usage"]
      .concat(["toolCallId", "content", "_meta", "quota", "token_count", "stopReason", "cost"]),
    ["session/update", "session/request_permission", "usage_update", "agent_message_chunk", "USD"],
  );
});
