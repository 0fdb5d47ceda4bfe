import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { codex as executor } from "../client/command/executors/codex.ts";
import { CliHome } from "./clis.ts";
import { codexTest, exists, running, sandboxed, UNIX, watched } from "./command_codex.ts";
import { converse, noProcessWith, RecordingHost, type Talk } from "./command_driver.ts";
import { DONE, HELLO } from "./model/mod.ts";

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

codexTest("faults of the model end the turn, with a reason", async (home, model) => {
  for (const style of ["interactive", "stream"] as const) {
    for (const code of [401, 500]) {
      const host = new RecordingHost();
      await using talk = await converse(executor, home, host, { style });
      const { status, reason = "" } = await talk.turn(`[[error:${code}]]`);
      strictEqual(status, "failed");
      ok(/401|high demand/.test(reason), reason);
      const notices = host.events(talk.style, "notice").map(({ text }) => String(text));
      ok(notices.some((text) => text.includes("Reconnecting")), notices.join());
    }
  }
  ok(model.requests.length >= 4);
});

codexTest("the model sees an image, and hears of other files", async (home, model) => {
  const path = join(home.project, "pixel.png");
  await Deno.writeFile(path, Uint8Array.fromBase64(PIXEL));
  const attachments = [
    { name: "pixel.png", mediaType: "image/png", path },
    { name: "notes.txt", mediaType: "text/plain", path: join(home.project, "notes.txt") },
  ];
  for (const style of ["interactive", "stream"] as const) {
    await using talk = await converse(executor, home, new RecordingHost(), { style });
    deepStrictEqual(await talk.turn("What is it?", attachments), { status: "completed" });
    const { images, prompt } = model.requests.at(-1)!;
    deepStrictEqual(images, ["image/png"]);
    ok(prompt.includes(attachments[1]!.path));
  }
});

codexTest("exec: a turn in words, and going on with it", async (_, model) => {
  await using watch = watched(model);
  await using home = await CliHome.make(watch);
  const first = new RecordingHost();
  const stream = (task: Parameters<typeof converse>[3], host: RecordingHost) =>
    converse(executor, home, host, { ...task, style: "stream" });
  {
    await using talk = await stream({ model: "other-model" }, first);
    deepStrictEqual(await talk.turn("--The word is swordfish."), { status: "completed" });
    strictEqual(first.said(talk.style), HELLO);
    strictEqual(model.requests.at(-1)!.model, "other-model");
  }
  const [id] = first.sessions;
  for (const task of [{ resume: id }, { resumeLast: true }]) {
    const host = new RecordingHost();
    await using talk = await stream(task, host);
    deepStrictEqual(await talk.turn("What was it?"), { status: "completed" });
    deepStrictEqual(host.sessions, [id]);
    ok(watch.bodies.at(-1)!.includes("swordfish"));
  }
  const resume = "00000000-0000-0000-0000-000000000000";
  await using lost = await stream({ resume }, new RecordingHost());
  const { status, reason = "" } = await lost.turn("Hello?");
  strictEqual(status, "failed");
  ok(reason.includes("no rollout found"), reason);
});

codexTest("exec: only some modes change anything", async (home) => {
  const expected = { default: false, acceptEdits: await sandboxed(home), bypassPermissions: true };
  for (const [mode, made] of Object.entries(expected)) {
    const host = new RecordingHost();
    await using talk = await converse(executor, home, host, { style: "stream", mode });
    deepStrictEqual(await talk.turn(`[[tool:touch ${mode}.txt]]`), { status: "completed" });
    strictEqual(await exists(join(home.project, `${mode}.txt`)), made, mode);
    strictEqual(host.said(talk.style), DONE);
  }
}, UNIX);

codexTest("exec: an interrupt ends a command with all that it started", async (home) => {
  const host = new RecordingHost();
  const task = { style: "stream", mode: "bypassPermissions" } as const;
  await using talk = await converse(executor, home, host, task);
  const nap = `sleep 6${Math.random().toString().slice(2, 8)}`;
  const turn = talk.turn(`[[tool:(${nap} & ${nap}); echo done]]`);
  await running(nap);
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  await noProcessWith(nap);
}, UNIX);

codexTest("settings of a request reach the model", async (_, model) => {
  await using watch = watched(model);
  await using home = await CliHome.make(watch);
  for (const style of ["interactive", "stream"] as const) {
    const extra = ["-c", "model_reasoning_effort=high", "--search"];
    await using talk: Talk = await converse(executor, home, new RecordingHost(), { style, extra });
    await talk.turn("Say hello.");
    const { reasoning, tools } = JSON.parse(watch.bodies.at(-1)!) as {
      reasoning: { effort: string };
      tools: { type: string; external_web_access?: boolean }[];
    };
    strictEqual(reasoning.effort, "high");
    ok(tools.some(({ type, external_web_access }) => type === "web_search" && external_web_access));
  }
});
