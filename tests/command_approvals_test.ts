import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "@std/path";
import type { Permission } from "../client/command/schemas.ts";
import type { Api } from "./api.ts";
import { claude, withClis } from "./clis.ts";
import { CommandRig } from "./command.ts";
import { peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { readEvents } from "./sse.ts";
import { ASKING, together, WITH_CLIS } from "./together.ts";
import type { Json, Viewer } from "./viewer.ts";

/** Whether a file is there. */
async function exists(...path: string[]): Promise<boolean> {
  return await Deno.stat(join(...path)).then(() => true, () => false);
}

/** Everything that happens to questions, as `GET /api/permissions/events` tells it. */
class Watch implements AsyncDisposable {
  readonly seen: { type: string; permission: Permission }[] = [];
  readonly #leaving = new AbortController();
  // One that nobody holds is not ended by the signal any more.
  #response: Response | undefined;
  readonly #reading: Promise<void>;

  constructor(api: Api) {
    // Whoever asks for what was not seen says so.
    this.#reading = this.#read(api).catch(() => {});
  }

  /** What happened to one question, in order. */
  of(id: string): string[] {
    return this.seen.filter(({ permission }) => permission.id === id)
      .map(({ type, permission }) => `${type} ${permission.status}`);
  }

  async #read(api: Api): Promise<void> {
    const path = "/api/permissions/events";
    this.#response = await api.fetch("GET", path, {}, this.#leaving.signal);
    for await (const { event, data } of readEvents(this.#response.body!)) {
      if (data === "") continue;
      const told = JSON.parse(data);
      equal(told.type, event);
      this.seen.push(told);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.#reading;
  }
}

/** Waits until both the question and what became of it were told, once each. */
async function resolved(watch: Watch, id: string, outcome: string): Promise<void> {
  await eventually("word of the answer", () => watch.of(id).length >= 2);
  deepEqual(watch.of(id), ["permission_request pending", `permission_resolved ${outcome}`]);
}

peerTest({
  name: "questions of all CLIs are answered by whoever answers first",
  ...WITH_CLIS,
}, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start();
  await using stack = new AsyncDisposableStack();
  const { api, home, model } = rig;
  const watch = stack.use(new Watch(api));
  const viewers: Record<string, Viewer> = {};
  const file = (name: string, nth: number) => `${name}-${nth}.txt`;
  const each = (work: (name: string, viewer: Viewer) => Promise<void>) =>
    together(ASKING, (name) => work(name, viewers[name]!));
  /** Another turn, and a viewer of all it has. */
  const say = async (name: string, prompt: string): Promise<{ turn: number; viewer: Viewer }> => {
    const { session, lastId } = viewers[name]!;
    const turn = await api.send(session, prompt);
    const viewer = stack.use(api.watch(session, { after: lastId!, persistent: true }));
    viewers[name] = viewer;
    return { turn, viewer };
  };

  await step("a yes, when the viewer went away, and two at once", async () => {
    await together(ASKING, async (executor) => {
      const prompt = `[[tool:touch ${file(executor, 1)}]]`;
      const first = stack.use(api.run({ executor, prompt, project_path: home.project }));
      const { id, session_id, toolInput } = await first.question();
      equal(session_id, first.session);
      ok(JSON.stringify(toolInput).includes(file(executor, 1)), JSON.stringify(toolInput));
      await first[Symbol.asyncDispose]();
      const answers = await Promise.all(
        [1, 2].map(() =>
          api.ask("POST", `/api/permissions/${id}/decision`, { body: { action: "approve" } })
        ),
      );
      deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
      equal(answers.find(({ status }) => status === 409)!.body.permission.status, "approved");
      viewers[executor] = stack.use(api.watch(first.session, { after: first.lastId! }));
      const { status, reason } = await viewers[executor].completion();
      equal(status, "completed", reason);
      viewers[executor].gapless(first.seen.length + 1);
      ok(await exists(home.project, file(executor, 1)));
      await resolved(watch, id, "approved");
    });
  });

  await step("a no, whose reason the model is told", async () => {
    await each(async (name) => {
      const { turn, viewer } = await say(name, `[[tool:touch ${file(name, 2)}]]`);
      const { id } = await viewer.question();
      const denyReason = `too risky for ${name}`;
      const denied = await api.decide(id, { action: "deny", denyReason });
      deepEqual([denied.status, denied.denyReason], ["denied", denyReason]);
      await model.request(({ prompt, results }) =>
        [prompt, ...results].join().includes(denyReason)
      );
      equal((await viewer.completion(turn)).status, "completed");
      ok(!await exists(home.project, file(name, 2)));
      await resolved(watch, id, "denied");
    });
  });

  await step("a yes for longer, after which the same is not asked again", async () => {
    await each(async (name) => {
      const prompt = `[[tool:touch ${file(name, 3)}]]`;
      const first = await say(name, prompt);
      const { id, scopes } = await first.viewer.question();
      const scope = scopes.includes("session") ? "session" : "always";
      equal((await api.decide(id, { action: "approve", scope })).scope, scope);
      equal((await first.viewer.completion(first.turn)).status, "completed");
      await Deno.remove(join(home.project, file(name, 3)));
      const second = await say(name, prompt);
      equal((await second.viewer.completion(second.turn)).status, "completed");
      ok(second.viewer.seen.every(({ data }) => data?.type !== "permission_request"));
      ok(await exists(home.project, file(name, 3)));
    });
  });

  await step("the turn is cancelled instead", async () => {
    await each(async (name) => {
      const { turn, viewer } = await say(name, `[[tool:mkdir ${file(name, 4)}]]`);
      const { id } = await viewer.question();
      equal((await api.cancel(viewer.session)).status, "cancelled");
      equal((await viewer.completion(turn)).status, "cancelled");
      await viewer.ended();
      await resolved(watch, id, "cancelled");
      const answer = { body: { action: "approve" } };
      equal((await api.ask("POST", `/api/permissions/${id}/decision`, answer)).status, 409);
      ok(!await exists(home.project, file(name, 4)));
    });
    await rig.quiet();
  });

  await step("arpc is killed instead", async () => {
    const asked: Record<string, string> = {};
    await together(ASKING, async (executor) => {
      const prompt = `[[tool:mkdir ${file(executor, 5)}]]`;
      const { id } = await api.create({ executor, prompt, project_path: home.project });
      viewers[executor] = stack.use(api.watch(id, { from: 1, persistent: true }));
      asked[executor] = (await viewers[executor].question()).id;
    });
    await rig.killClient();
    await rig.startClient();
    await each(async (name, viewer) => {
      equal((await viewer.completion()).status, "interrupted");
      await viewer.ended();
      viewer.gapless();
      const [end] = viewer.seen.filter(({ data }) => data?.type === "permission_resolved");
      deepEqual([end!.data.permission.id, end!.data.permission.status], [asked[name], "cancelled"]);
      ok(!await exists(home.project, file(name, 5)));
    });
    deepEqual(await api.permissions("pending"), []);
    await rig.quiet();
  });
});

peerTest({
  name: "a question of Claude Code is seen by many, and may be edited",
  ...withClis(claude),
}, async () => {
  await using rig = await CommandRig.start();
  await using stack = new AsyncDisposableStack();
  const { api, home } = rig;
  const prompt = "[[tool:touch asked.txt]]";
  const { id } = await api.create({ executor: "claude", prompt, project_path: home.project });
  const viewers = Array.from({ length: 20 }, () => stack.use(api.watch(id, { from: 1 })));
  const questions = await Promise.all(viewers.map((viewer) => viewer.question()));
  equal(new Set(questions.map((one) => one.id)).size, 1);
  const [{ id: question, toolInput }] = questions;
  const wrong = { action: "approve", modifiedInput: "touch other.txt" };
  const refused = await api.ask("POST", `/api/permissions/${question}/decision`, { body: wrong });
  equal(refused.status, 422);
  const modifiedInput = { ...toolInput as Json, command: "touch edited.txt" };
  await api.decide(question, { action: "approve", modifiedInput });
  for (const viewer of viewers) {
    equal((await viewer.completion()).status, "completed");
    await viewer.ended();
    viewer.gapless();
    deepEqual(viewer.seen.map(({ text }) => text), viewers[0]!.seen.map(({ text }) => text));
  }
  ok(await exists(home.project, "edited.txt"));
  ok(!await exists(home.project, "asked.txt"));
});

peerTest({ name: "a question that nobody answers is denied in time", ...WITH_CLIS }, async () => {
  await using rig = await CommandRig.start({ flags: ["--approval-timeout", "1"] });
  const { api, home } = rig;
  await together(ASKING, async (executor) => {
    const prompt = `[[tool:touch ${executor}.txt]]`;
    await using viewer = api.run({ executor, prompt, project_path: home.project });
    const { id } = await viewer.question();
    equal((await viewer.completion()).status, "completed");
    const { body } = await api.ask("GET", `/api/permissions/${id}`);
    deepEqual([body.status, body.denyReason], ["expired", "Nobody answered within 1 seconds"]);
    ok(!await exists(home.project, `${executor}.txt`));
  });
});
