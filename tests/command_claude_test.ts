/** Claude Code itself, at the level of executor and driver: turns, questions, sessions. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { claude as executor } from "../client/command/executors/claude.ts";
import { claudeTest, exists } from "./command_claude.ts";
import { APPROVE, RecordingHost } from "./command_driver.ts";
import { chunk, DONE, HELLO } from "./model/mod.ts";

claudeTest("one process takes turns of text, and knows its own id", async ({ start }) => {
  const newId = crypto.randomUUID();
  await using talk = await start({ newId });
  deepStrictEqual(await talk.turn("one"), { status: "completed" });
  deepStrictEqual(await talk.turn('two -- and "three"\nlines'), { status: "completed" });
  strictEqual(talk.host.said(talk.style), HELLO + HELLO);
  deepStrictEqual(talk.host.sessions, [newId]);
  ok(talk.conversation.reusable);
  ok(!talk.host.lines.some((line) => line.includes('"control_')), "the protocol is shown");
  deepStrictEqual(talk.host.errors, []);
  await talk.conversation[Symbol.asyncDispose]();
  strictEqual((await talk.conversation.exit).code, 0);
  ok(!talk.conversation.reusable);
  strictEqual((await talk.turn("too late")).status, "failed");
});

claudeTest("a tool runs after a yes", async ({ start, file }) => {
  const host = new RecordingHost(APPROVE);
  await using talk = await start({}, host);
  deepStrictEqual(await talk.turn("[[tool:touch made.txt]]"), { status: "completed" });
  ok(await exists(file("made.txt")));
  const [question] = host.questions;
  deepStrictEqual(
    [question?.tool, question?.title, question?.input, question?.editable, question?.scopes],
    ["Bash", "Run touch made.txt", { command: "touch made.txt" }, true, [
      "once",
      "session",
      "always",
    ]],
  );
  const [call] = host.events(talk.style, "tool_call");
  const [update] = host.events(talk.style, "tool_call_update");
  deepStrictEqual(
    [call?.toolCallId, call?.kind, update?.toolCallId, update?.status],
    [question?.toolCallId, "execute", question?.toolCallId, "completed"],
  );
  ok(host.said(talk.style).endsWith(DONE));
});

claudeTest("the model reads why a person says no", async ({ start, file, model }) => {
  const host = new RecordingHost(() => ({ action: "deny", reason: "not on a Sunday" }));
  await using talk = await start({}, host);
  deepStrictEqual(await talk.turn("[[tool:touch made.txt]]"), { status: "completed" });
  ok(!await exists(file("made.txt")));
  ok(model.requests.some(({ results }) => results.some((one) => one.includes("not on a Sunday"))));
});

claudeTest("a person may change what a tool is given", async ({ start, file }) => {
  const host = new RecordingHost(() => ({
    action: "approve",
    scope: "once",
    modifiedInput: { command: "touch edited.txt" },
  }));
  await using talk = await start({}, host);
  deepStrictEqual(await talk.turn("[[tool:touch made.txt]]"), { status: "completed" });
  deepStrictEqual(
    [await exists(file("made.txt")), await exists(file("edited.txt"))],
    [false, true],
  );
});

claudeTest(
  "a yes for the session holds for the session, and for nothing more",
  async ({ start, file }) => {
    const host = new RecordingHost(() => ({ action: "approve", scope: "session" }));
    {
      await using talk = await start({}, host);
      await talk.turn("[[tool:touch made.txt]]");
      await talk.turn("again [[tool:touch made.txt]]");
      strictEqual(host.questions.length, 1);
      // Not every command, and not another mode.
      await talk.turn("[[tool:rm made.txt]]");
      strictEqual(host.questions.length, 2);
      const write = { file_path: file("w.txt"), content: "text" };
      await talk.turn(`[[mcp:Write ${JSON.stringify(write)}]]`);
      deepStrictEqual(host.questions[2]?.scopes, ["once", "session"]);
      await talk.turn(`again [[mcp:Write ${JSON.stringify({ ...write, content: "more" })}]]`);
      strictEqual(host.questions.length, 3);
    }
    await using talk = await start({ resume: host.sessions[0] }, host);
    await talk.turn("[[tool:touch made.txt]]");
    strictEqual(host.questions.length, 4);
  },
);

claudeTest("a yes for always outlives the session", async ({ start }) => {
  const host = new RecordingHost(() => ({ action: "approve", scope: "always" }));
  for (const _ of ["first", "second"]) {
    await using talk = await start({}, host);
    deepStrictEqual(await talk.turn("[[tool:touch made.txt]]"), { status: "completed" });
  }
  strictEqual(host.questions.length, 1);
});

claudeTest("a question for the user is answered by its input", async ({ start, model }) => {
  const asked = {
    question: "Which one?",
    header: "One",
    options: [{ label: "A", description: "this" }, { label: "B", description: "that" }],
    multiSelect: false,
  };
  const host = new RecordingHost(({ input }) => ({
    action: "approve",
    scope: "once",
    modifiedInput: { ...input as object, answers: { "Which one?": "B" } },
  }));
  await using talk = await start({}, host);
  // The stub's directives end at two brackets.
  const input = JSON.stringify({ questions: [asked] }).replaceAll("]}]", "] }]");
  deepStrictEqual(await talk.turn(`[[mcp:AskUserQuestion ${input}]]`), { status: "completed" });
  deepStrictEqual(
    [host.questions[0]?.tool, host.questions[0]?.title, host.questions[0]?.scopes],
    ["AskUserQuestion", "Which one?", ["once"]],
  );
  ok(model.requests.some(({ results }) => results.some((one) => one.includes('"Which one?"="B"'))));
});

claudeTest("another process goes on with a session", async ({ start, home }) => {
  const host = new RecordingHost();
  {
    await using talk = await start({}, host);
    await talk.turn("remember the word albatross");
  }
  {
    await using talk = await start({ resume: host.sessions[0] }, host);
    deepStrictEqual(await talk.turn("what was it?"), { status: "completed" });
  }
  {
    await using talk = await start({ resumeLast: true }, host);
    deepStrictEqual(await talk.turn("and again?"), { status: "completed" });
  }
  strictEqual(new Set(host.sessions).size, 1);
  const [folder] = await Array.fromAsync(Deno.readDir(join(home.path, ".claude/projects")));
  const file = join(home.path, ".claude/projects", folder!.name, `${host.sessions[0]}.jsonl`);
  const transcript = await Deno.readTextFile(file);
  for (const said of ["albatross", "what was it?", "and again?"]) ok(transcript.includes(said));
});

const PIXEL = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

for (const style of ["interactive", "stream"] as const) {
  claudeTest(`files reach the model (${style})`, async ({ start, home, model }) => {
    const image = join(home.path, "pixel.png");
    await Deno.writeFile(image, PIXEL);
    const note = await home.write("note.txt", "a note");
    await using talk = await start({ style });
    const end = await talk.turn("what is it?", [
      { name: "pixel.png", mediaType: "image/png", path: image },
      { name: "note.txt", mediaType: "text/plain", path: note },
    ]);
    deepStrictEqual(end, { status: "completed" });
    const request = model.requests.find(({ images }) => images.length > 0);
    deepStrictEqual(request?.images, ["image/png"]);
    ok(request.prompt.includes(note), request.prompt);
  });
}

claudeTest(
  "news of a command in the background are no answer to the next prompt",
  async ({ start, file }) => {
    const input = { command: "sleep 1; touch late.txt", run_in_background: true };
    const host = new RecordingHost(() => ({
      action: "approve",
      scope: "once",
      modifiedInput: input,
    }));
    await using talk = await start({}, host);
    deepStrictEqual(await talk.turn("[[tool:sleep 1; touch late.txt]]"), { status: "completed" });
    const before = host.lines.length;
    await host.heard(({ subtype }) => subtype === "task_notification");
    ok(await exists(file("late.txt")));
    // Claude now takes a turn of its own; this prompt waits for it.
    const marked = talk.turn("[[slow:2]]");
    deepStrictEqual(await marked, { status: "completed" });
    const said = host.lines.slice(before).join("\n");
    ok(said.includes(chunk(3)), said);
  },
);

claudeTest("one turn a process, with nobody to ask", async ({ start, file }) => {
  const newId = crypto.randomUUID();
  await using talk = await start({ style: "stream", newId });
  ok(!talk.conversation.reusable);
  deepStrictEqual(await talk.turn("[[tool:touch made.txt]]"), { status: "completed" });
  ok(!await exists(file("made.txt")));
  deepStrictEqual(talk.host.sessions, [newId]);
  strictEqual((await talk.conversation.exit).code, 0);
  strictEqual((await talk.turn("another")).status, "failed");
});

claudeTest("tools that are allowed are not asked about", async ({ start, file }) => {
  for (const style of ["interactive", "stream"] as const) {
    await using talk = await start({
      style,
      allowedTools: ["Bash(touch:*)", "Write"],
      extra: ["--append-system-prompt", "Be brief.", "--max-turns=5"],
    });
    const name = `made-${style}.txt`;
    deepStrictEqual(await talk.turn(`[[tool:touch ${name}]]`), { status: "completed" });
    ok(await exists(file(name)), name);
    deepStrictEqual(talk.host.questions, []);
  }
});

claudeTest("modes are those it knows", async ({ start }) => {
  for (const { name, bypass } of executor.modes) {
    const host = new RecordingHost();
    await using talk = await start({ mode: name, env: bypass ? { IS_SANDBOX: "1" } : {} }, host);
    deepStrictEqual(await talk.turn("hello"), { status: "completed" }, name);
    const init = await host.heard(({ subtype }) => subtype === "init");
    strictEqual(init.permissionMode, name);
  }
});
