/** Claude Code itself, at the level of executor and driver: how turns end before their time. */

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { StartError } from "../client/command/drivers/mod.ts";
import { claudeTest, exists } from "./command_claude.ts";
import { APPROVE, fileAt, noProcessWith, processesWith, RecordingHost } from "./command_driver.ts";
import { within } from "./helpers.ts";
import { chunk } from "./model/mod.ts";

claudeTest("a session that is not there is a failure that says so", async ({ start }) => {
  const resume = crypto.randomUUID();
  await rejects(start({ resume }), (error: unknown) => {
    ok(error instanceof StartError);
    ok(error.message.includes(`No conversation found with session ID: ${resume}`), error.message);
    return true;
  });
  await using talk = await start({ resume, style: "stream" });
  const end = await talk.turn("hello");
  strictEqual(end.status, "failed");
  ok(end.reason?.includes("No conversation found"), end.reason);
});

claudeTest("an interrupt ends a text, and the process takes the next turn", async (bed) => {
  await using talk = await bed.start({ extra: ["--include-partial-messages"] });
  const turn = talk.turn("[[slow:30]]");
  await talk.host.heard((_, text) => text.includes(chunk(1)));
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  await bed.model.aborted();
  ok(talk.conversation.reusable);
  deepStrictEqual(await talk.turn("next"), { status: "completed" });
  // Pieces come beside the whole, which comes once.
  ok(talk.host.events(talk.style, "agent_message_delta").length > 2);
  strictEqual(talk.host.said(talk.style).split(chunk(0)).length, 2);
});

/** A tool that runs until it is ended, told by the mark in its command line. */
function endless(): { prompt: string; mark: string } {
  const mark = `mark-${crypto.randomUUID()}`;
  // Claude refuses a plain sleep.
  return { mark, prompt: `[[tool:touch begun; while :; do : ${mark}; sleep 0.1; done]]` };
}

claudeTest("an interrupt ends a tool with its shell", async ({ start, file }) => {
  await using talk = await start({}, new RecordingHost(APPROVE));
  const { mark, prompt } = endless();
  const turn = talk.turn(prompt);
  await fileAt(file("begun"));
  ok((await processesWith(mark)).length > 0);
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  await noProcessWith(mark);
  deepStrictEqual(await talk.turn("next"), { status: "completed" });
});

claudeTest("an interrupt takes an open question back", async ({ start, file }) => {
  const aborted = Promise.withResolvers<void>();
  const host = new RecordingHost((_, signal) => {
    signal.addEventListener("abort", () => aborted.resolve());
    return new Promise(() => {});
  });
  await using talk = await start({}, host);
  const turn = talk.turn("[[tool:touch made.txt]]");
  await host.asked();
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  await within(5000, "the end of the question", aborted.promise);
  ok(!await exists(file("made.txt")));
});

claudeTest(
  "one that does not obey is ended by signals, with the shell of its tool",
  async (bed) => {
    const newId = crypto.randomUUID();
    await using talk = await bed.start({ newId }, new RecordingHost(APPROVE));
    const { mark, prompt } = endless();
    const turn = talk.turn(prompt);
    await fileAt(bed.file("begun"));
    const [pid] = await processesWith(newId);
    Deno.kill(pid!, "SIGSTOP");
    await talk.conversation.interrupt();
    deepStrictEqual(await turn, { status: "cancelled" });
    ok(!talk.conversation.reusable);
    deepStrictEqual(await processesWith(mark), []);
    deepStrictEqual(talk.host.notices, []);
  },
);

claudeTest("one that dies in a turn is a failure, and leaves no shell behind", async (bed) => {
  const newId = crypto.randomUUID();
  const { mark, prompt } = endless();
  {
    await using talk = await bed.start({ newId }, new RecordingHost(APPROVE));
    const turn = talk.turn(prompt);
    await fileAt(bed.file("begun"));
    const [pid] = await processesWith(newId);
    Deno.kill(pid!, "SIGKILL");
    const end = await turn;
    strictEqual(end.status, "failed");
    match(end.reason ?? "", /signal SIGKILL/);
  }
  deepStrictEqual(await processesWith(mark), []);
});

for (const status of [401, 500]) {
  claudeTest(`a model that answers ${status} is a failure`, async ({ start }) => {
    await using talk = await start();
    const end = await talk.turn(`[[error:${status}]]`);
    strictEqual(end.status, "failed");
    match(end.reason ?? "", new RegExp(`API Error: ${status}`));
    ok(talk.host.events(talk.style, "notice").length > 0);
    // It is no end of the session. The stub still sees the prompt that it did not answer.
    deepStrictEqual(await talk.turn("once more [[slow:1]]"), { status: "completed" });
  });
}

claudeTest("an interrupt ends one turn a process", async ({ start, file }) => {
  await using talk = await start({ style: "stream", allowedTools: ["Bash"] });
  const { mark, prompt } = endless();
  const turn = talk.turn(prompt);
  await fileAt(file("begun"));
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  deepStrictEqual(await processesWith(mark), []);
});
