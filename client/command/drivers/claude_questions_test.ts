import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { answerFor, questionOf } from "./claude_questions.ts";

const RULE = {
  type: "addRules",
  rules: [{ toolName: "Bash", ruleContent: "touch a" }],
  behavior: "allow",
  destination: "localSettings",
};
const FOLDER = { type: "addDirectories", directories: ["/srv"], destination: "session" };
const MODE = { type: "setMode", mode: "acceptEdits", destination: "session" };
const DENY_RULE = { ...RULE, behavior: "deny" };
const BYPASS = { ...MODE, mode: "bypassPermissions" };

function bash(...permission_suggestions: unknown[]) {
  return {
    subtype: "can_use_tool",
    tool_name: "Bash",
    input: { command: "touch a" },
    tool_use_id: "toolu_1",
    permission_suggestions,
  };
}

Deno.test("a question of Claude's is one for a person", () => {
  deepStrictEqual(questionOf(bash(RULE, FOLDER, MODE)), {
    tool: "Bash",
    title: "Run touch a",
    input: { command: "touch a" },
    toolCallId: "toolu_1",
    scopes: ["once", "session", "always"],
    editable: true,
    suggestions: [RULE, FOLDER, MODE],
  });
});

Deno.test("a yes can hold as long as Claude's own suggestions can", () => {
  const scopes = (...suggestions: unknown[]) => questionOf(bash(...suggestions)).scopes;
  deepStrictEqual(scopes(), ["once"]);
  deepStrictEqual(scopes(MODE), ["once", "session"]);
  deepStrictEqual(scopes({ ...RULE, destination: "session" }), ["once", "session"]);
  deepStrictEqual(scopes(DENY_RULE, BYPASS), ["once"]);
  deepStrictEqual(questionOf({ tool_name: "AskUserQuestion" }).scopes, ["once"]);
});

Deno.test("a yes takes of the suggestions what this tool needs, and no more", () => {
  const updates = (scope: "once" | "session" | "always", ...suggestions: unknown[]) =>
    answerFor(bash(...suggestions), { action: "approve", scope }).updatedPermissions;
  strictEqual(updates("once", RULE, FOLDER, MODE), undefined);
  deepStrictEqual(updates("session", RULE, FOLDER, MODE), [
    { ...RULE, destination: "session" },
    FOLDER,
  ]);
  deepStrictEqual(updates("always", RULE, FOLDER, MODE), [RULE, FOLDER]);
  deepStrictEqual(updates("session", MODE), [MODE]);
  strictEqual(updates("session", BYPASS, DENY_RULE), undefined);
});

Deno.test("an answer says what Claude is to do", () => {
  const request = bash(RULE);
  const yes = answerFor(request, { action: "approve", scope: "once" });
  deepStrictEqual([yes.behavior, yes.updatedInput], ["allow", { command: "touch a" }]);
  const modifiedInput = { command: "touch b" };
  const changed = answerFor(request, { action: "approve", scope: "once", modifiedInput });
  deepStrictEqual(changed.updatedInput, modifiedInput);
  const no = answerFor(request, { action: "deny", reason: "not now" });
  deepStrictEqual([no.behavior, no.message], ["deny", "not now"]);
  match(String(answerFor(request, { action: "deny" }).message), /does not want/);
});

Deno.test("any request makes a question and takes any answer", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (request, list) => {
      const hostile = { ...request, permission_suggestions: list };
      const { scopes } = questionOf(hostile);
      strictEqual(scopes[0], "once");
      for (const scope of scopes) answerFor(hostile, { action: "approve", scope });
    }),
  );
});
