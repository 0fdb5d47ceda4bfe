import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { StartError } from "../client/command/drivers/mod.ts";
import { codex as executor } from "../client/command/executors/codex.ts";
import { CliHome, codex } from "./clis.ts";
import { codexTest, exists, running, UNIX, watched } from "./command_codex.ts";
import { APPROVE, converse, noProcessWith, RecordingHost } from "./command_driver.ts";
import { chunk, HELLO } from "./model/mod.ts";

codexTest("a turn in words, then another in the same process", async (home, model) => {
  const host = new RecordingHost();
  await using talk = await converse(executor, home, host);
  deepStrictEqual(await talk.turn("Say hello."), { status: "completed" });
  strictEqual(host.said(talk.style), HELLO);
  deepStrictEqual(await talk.turn("- and again"), { status: "completed" });
  strictEqual(host.said(talk.style), HELLO + HELLO);
  strictEqual(talk.conversation.reusable, true);
  strictEqual(host.sessions.length, 1);
  strictEqual(model.requests.at(-1)!.prompt.includes("- and again"), true);
  const usage = host.events(talk.style).findLast((one) => one.sessionUpdate === "usage_update");
  deepStrictEqual(usage, { sessionUpdate: "usage_update", inputTokens: 20, outputTokens: 24 });
  strictEqual(host.lines.some((line) => line.includes(`"result"`)), false, "answers are shown");
});

codexTest("what helpers of the model say is not taken for its own words", async (home) => {
  const host = new RecordingHost();
  await using talk = await converse(executor, home, host);
  await talk.turn(`[[mcp:spawn_agent {"message": "Say hello."}]]`);
  await host.heard(({ method, params }) => {
    const { id, rootTurnId } = (params as { turn?: { id: string; rootTurnId: string } }).turn ?? {};
    return method === "turn/completed" && id !== rootTurnId;
  });
  const [id] = host.sessions;
  strictEqual(host.sessions.length, 1);
  const words = host.lines.filter((line) => line.includes("item/agentMessage/delta"));
  ok(words.length > 0);
  deepStrictEqual(words.filter((line) => !line.includes(id!)), []);
  ok(host.events(talk.style, "tool_call").some(({ title }) => title === "spawnAgent: Say hello."));
});

codexTest(
  "a new process goes on with a session, by its id and as the newest",
  async (_, model) => {
    await using watch = watched(model);
    await using home = await CliHome.make(watch);
    const first = new RecordingHost();
    {
      await using talk = await converse(executor, home, first);
      await talk.turn("The word is swordfish.");
    }
    const [id] = first.sessions;
    for (const task of [{ resume: id }, { resumeLast: true }]) {
      const host = new RecordingHost();
      await using talk = await converse(executor, home, host, task);
      deepStrictEqual(await talk.turn("What was it?"), { status: "completed" });
      deepStrictEqual(host.sessions, [id]);
      ok(watch.bodies.at(-1)!.includes("swordfish"));
    }
  },
);

codexTest("a session that is not there is an error with its reason", async (home) => {
  const resume = "00000000-0000-0000-0000-000000000000";
  const start = (task: Parameters<typeof converse>[3]) =>
    rejects(converse(executor, home, new RecordingHost(), task), (error) => {
      ok(error instanceof StartError);
      ok(/no rollout found|no session of/.test(error.message), error.message);
      return true;
    });
  await start({ resume });
  await start({ resumeLast: true });
});

codexTest("a start that is not wanted any more ends", async (home) => {
  const launch = executor.interactive!.launch({
    newId: crypto.randomUUID(),
    cwd: home.project,
    model: undefined,
    mode: "default",
    allowedTools: [],
    resume: undefined,
    resumeLast: false,
    extra: [],
  }, { path: codex.path, version: "", has: () => true });
  const leaving = new AbortController();
  const { args } = launch;
  const program = { path: codex.path, args, env: home.env, cwd: home.project };
  const host = new RecordingHost();
  const start = rejects(launch.driver(program, host, leaving.signal), { name: "AbortError" });
  leaving.abort();
  await start;
  deepStrictEqual(host.sessions, []);
});

codexTest("an interrupt ends words, and the process goes on", async (home, model) => {
  const host = new RecordingHost();
  await using talk = await converse(executor, home, host);
  const turn = talk.turn("[[slow:60]]");
  await host.heard((_, text) => text.includes(chunk(1)));
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  await model.aborted();
  deepStrictEqual(await talk.turn("[[say:Still here.]]"), { status: "completed" });
});

codexTest("an interrupt ends a command with all that it started", async (home) => {
  const host = new RecordingHost(APPROVE);
  await using talk = await converse(executor, home, host);
  const nap = `sleep 6${Math.random().toString().slice(2, 8)}`;
  const turn = talk.turn(`[[tool:(${nap} & ${nap}); echo done]]`);
  await running(nap);
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  await noProcessWith(nap);
  deepStrictEqual(await talk.turn("Say hello."), { status: "completed" });
}, UNIX);

codexTest("an interrupt takes back what was asked", async (home) => {
  const signals: AbortSignal[] = [];
  const host = new RecordingHost((_, signal) => {
    signals.push(signal);
    return new Promise(() => {});
  });
  await using talk = await converse(executor, home, host);
  const turn = talk.turn("[[tool:touch made.txt]]");
  await host.asked();
  await talk.conversation.interrupt();
  deepStrictEqual(await turn, { status: "cancelled" });
  deepStrictEqual(signals.map(({ aborted }) => aborted), [true]);
  strictEqual(await exists(join(home.project, "made.txt")), false);
});

codexTest(
  "when the process ends in a turn, the turn has failed, and nothing is left",
  async (home) => {
    const host = new RecordingHost(APPROVE);
    await using talk = await converse(executor, home, host);
    const nap = `sleep 6${Math.random().toString().slice(2, 8)}`;
    const turn = talk.turn(`[[tool:${nap}; echo done]]`);
    await running(nap);
    await talk.conversation[Symbol.asyncDispose]();
    strictEqual((await turn).status, "failed");
    await noProcessWith(nap);
    strictEqual((await talk.turn("Say hello.")).status, "failed");
  },
  UNIX,
);
