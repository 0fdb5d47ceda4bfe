import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "@std/path";
import type { Permission } from "../client/command/schemas.ts";
import type { Api } from "./api.ts";
import { CommandRig } from "./rig_dbg.ts";
import { PATIENCE_MS, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";
import { readEvents } from "./sse.ts";
import { together, WITH_CLIS } from "./together.ts";
import type { Viewer } from "./viewer.ts";

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
    this.#reading = this.#read(api).catch((error) => { console.log('W', String(error));
      if (!this.#leaving.signal.aborted) throw error;
    });
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
      console.log('W', event, data.length);if (data === "") continue;
      const told = JSON.parse(data);
      equal(told.type, event);
      this.seen.push(told);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    console.log('W abort');this.#leaving.abort();
    await this.#reading;console.log('W done');
  }
}

peerTest({ name: "questions of all CLIs are answered by whoever answers first", ...WITH_CLIS }, async (t) => {
  const step = stepsOf(t); const ASKING=["gemini","claude"]; setTimeout(()=>Deno.exit(3), 45000);
  await using rig = await CommandRig.start();
  await using _l3 = { [Symbol.asyncDispose]: () => { console.log("rig disposed next"); return Promise.resolve(); } };await using stack = new AsyncDisposableStack(); await using _l2 = { [Symbol.asyncDispose]: () => { console.log("stack disposed next"); return Promise.resolve(); } };
  const { api, home, model } = rig;
  const watch = stack.use(new Watch(api));
  const viewers: Record<string, Viewer> = {};
  const each = (work: (name: string, viewer: Viewer, id: string) => Promise<void>) =>
    together(ASKING, (name) => work(name, viewers[name]!, viewers[name]!.session));
  /** Another turn, watched from its first line on. */
  const say = async (name: string, prompt: string): Promise<{ turn: number; viewer: Viewer }> => {
    const { session, lastId } = viewers[name]!;
    const turn = await api.send(session, prompt);
    const viewer = stack.use(api.watch(session, { after: lastId!, persistent: true }));
    viewers[name] = viewer;
    return { turn, viewer };
  };
  const file = (name: string, nth: number) => `${name}-${nth}.txt`;
  const told = async (id: string, outcome: string) => {
    const all = ["permission_request pending", `permission_resolved ${outcome}`];
    await within(PATIENCE_MS, "word of the answer", (async () => {
      while (watch.of(id).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    })());
    deepEqual(watch.of(id), all);
  };

  await step("a yes, after the viewer went away, and two at once", async () => {
    await together(ASKING, async (executor) => {
      const prompt = `[[tool:touch ${file(executor, 1)}]]`;
      await using first = api.run({ executor, prompt, project_path: home.project });
      const { id, session_id, toolInput } = await first.question();
      equal(session_id, first.session);
      ok(JSON.stringify(toolInput).includes(file(executor, 1)), JSON.stringify(toolInput));
      await first[Symbol.asyncDispose]();
      const [pending] = (await api.permissions("pending")).filter((one) => one.id === id);
      equal(pending!.status, "pending");
      const answers = await Promise.all([1, 2].map(() =>
        api.ask("POST", `/api/permissions/${id}/decision`, { body: { action: "approve" } })
      ));
      deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
      equal(answers.find(({ status }) => status === 409)!.body.permission.status, "approved");
      viewers[executor] = stack.use(api.watch(first.session, { after: first.lastId! }));
      const { status, reason } = await viewers[executor].completion();
      equal(status, "completed", reason);
      viewers[executor].gapless(first.seen.length + 1);
      ok(await exists(home.project, file(executor, 1)));
      await told(id, "approved");
    });
  });

  await step("a no with a reason", async () => {
    await each(async (name) => {
      const { turn, viewer } = await say(name, `[[tool:touch ${file(name, 2)}]]`);
      const { id } = await viewer.question();
      const denyReason = `too risky for ${name}`;
      const denied = await api.decide(id, { action: "deny", denyReason });
      deepEqual([denied.status, denied.denyReason], ["denied", denyReason]);
      const end = await viewer.completion(turn);
      console.log(name, end.status, end.reason, model.requests.some(({results, prompt}) => results.concat(prompt).join().includes(denyReason)));
      ok(!await exists(home.project, file(name, 2)));
      await told(id, "denied");
    });
  });

  await step("a yes for the whole session", async () => {
    await each(async (name) => {
      const first = await say(name, `[[tool:touch ${file(name, 3)}]]`);
      const question = await first.viewer.question();
      console.log(name, question.scopes, question.editable);
      if (!question.scopes.includes("session")) {
        await api.decide(question.id, { action: "approve" });
        await first.viewer.completion(first.turn);
        return;
      }
      equal((await api.decide(question.id, { action: "approve", scope: "session" })).scope, "session");
      equal((await first.viewer.completion(first.turn)).status, "completed");
      await Deno.remove(join(home.project, file(name, 3)));
      const second = await say(name, `[[tool:touch ${file(name, 3)}]]`);
      equal((await second.viewer.completion(second.turn)).status, "completed");
      ok(second.viewer.seen.every(({ data }) => data?.type !== "permission_request"));
      ok(await exists(home.project, file(name, 3)));
    });
  });

  await step("a turn that is cancelled", async () => {
    await each(async (name) => {
      const { turn, viewer } = await say(name, `[[tool:rm -r ${file(name, 4)}]]`);
      const { id } = await viewer.question();
      equal((await api.cancel(viewer.session)).status, "cancelled");
      equal((await viewer.completion(turn)).status, "cancelled");
      await viewer.ended();
      await told(id, "cancelled");
      const answer = { body: { action: "approve" } };
      equal((await api.ask("POST", `/api/permissions/${id}/decision`, answer)).status, 409);
    });
    await rig.quiet();
  });

  await step("arpc is killed", async () => {
    const asked: Record<string, string> = {};
    await each(async (name) => {
      const { viewer } = await say(name, `[[tool:rm -r ${file(name, 5)}]]`);
      asked[name] = (await viewer.question()).id;
    });
    await rig.killClient();
    await rig.startClient();
    await each(async (name, viewer, id) => {
      const last = await viewer.completion((await api.session(id)).turns);
      equal(last.status, "interrupted");
      await viewer.ended();
      viewer.gapless(viewer.seen[0]!.n);
      const [permission] = (await api.permissions("cancelled")).filter((one) => one.id === asked[name]);
      equal(permission?.status, "cancelled");
      ok(viewer.seen.some(({ data }) => data?.type === "permission_resolved" && data.permission.id === asked[name]));
    });
    deepEqual(await api.permissions("pending"), []);
    console.log(await rig.processes());
  });
});
