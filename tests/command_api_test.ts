import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { SessionInfo } from "../client/command/schemas.ts";
import { claude, codex, withClis } from "./clis.ts";
import { CommandRig } from "./command.ts";
import { peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";
import { readEvents } from "./sse.ts";
import type { Json } from "./viewer.ts";

/** Follow-ups that may wait in one session. */
const QUEUE = 32;

peerTest({ name: "a session as events and as lines of JSON", ...withClis(codex) }, async () => {
  await using rig = await CommandRig.start();
  const { api, home } = rig;
  const prompt = "[[say:Greetings from the stub.]]";
  const { id } = await api.create({ executor: "codex", prompt, project_path: home.project });
  await using live = api.watch(id, { format: "events" });
  equal((await live.completion()).status, "completed");
  await live.ended();
  ok(
    live.seen.every(({ event, data }) =>
      event === "session_update" || ["user_message", "completion", "notice"].includes(data.type)
    ),
  );
  const ndjson = await api.ask("GET", `/api/sessions/${id}`, {
    query: { format: "events" },
    headers: { accept: "application/x-ndjson" },
  });
  equal(ndjson.headers.get("content-type"), "application/x-ndjson");
  const lines: Json[] = ndjson.body.split("\n").filter(Boolean).map((line: string) =>
    JSON.parse(line)
  );
  deepEqual(lines, live.seen.map(({ data }) => data));
  const { total_lines, cli_session_id } = await api.session(id);
  await using last = api.watch(id, { from: total_lines - 1 });
  await last.ended();
  deepEqual(last.seen.map(({ n }) => n), [total_lines - 1, total_lines]);
  // The CLI's own id leads there as well.
  equal((await api.session(cli_session_id!)).id, id);
});

peerTest(
  { name: "sessions: queue, limits, lists, names", ...withClis(claude, codex) },
  async (t) => {
    const step = stepsOf(t);
    await using rig = await CommandRig.start({ flags: ["--max-sessions", "2"] });
    const { api, home, model } = rig;
    const request = { executor: "codex", project_path: home.project };
    const path = (id: string, rest = "") => `/api/sessions/${id}${rest}`;
    const list = async (query: Record<string, string> = {}): Promise<Json> =>
      (await api.ask("GET", "/api/sessions", { query })).body;
    let busy!: SessionInfo;
    let other!: SessionInfo;

    await step("a follow-up waits while a turn runs", async () => {
      busy = await api.create({ ...request, prompt: "[[slow:3]]", title: "The busy one" });
      await using viewer = api.watch(busy.id, { from: 1 });
      equal(await api.send(busy.id, "[[say:Second.]]"), 2);
      equal(await api.send(busy.id, "[[say:Third.]]"), 3);
      deepEqual((await api.session(busy.id)).queued, 2);
      await viewer.completion(3);
      await viewer.ended();
      viewer.gapless();
      const order = viewer.seen.flatMap(({ data }) =>
        ["user_message", "completion"].includes(data?.type) ? [`${data.type} ${data.turn}`] : []
      );
      deepEqual(order, [1, 2, 3].flatMap((n) => [`user_message ${n}`, `completion ${n}`]));
      deepEqual([(await api.session(busy.id)).turns, (await api.session(busy.id)).queued], [3, 0]);
    });

    await step("only so many wait, and a cancel drops them", async () => {
      await api.send(busy.id, "[[slow:300]]");
      await model.request(({ prompt }) => prompt.includes("[[slow:300]]"));
      for (let nth = 0; nth < QUEUE; nth++) await api.send(busy.id, `[[say:Waiting ${nth}]]`);
      const body = { prompt: "one too many" };
      const { status, headers } = await api.ask("POST", path(busy.id, "/messages"), { body });
      equal(status, 429);
      ok(Number(headers.get("retry-after")) > 0);
      equal((await api.session(busy.id)).queued, QUEUE);
      const { queued, status: after } = await api.cancel(busy.id);
      deepEqual([after, queued], ["cancelled", 0]);
      const seen: Json[] = [];
      for (let from: number | null = 1; from !== null;) {
        const query = { from: String(from) };
        const { body } = await api.ask("GET", path(busy.id, "/lines"), { query });
        seen.push(...body.lines);
        from = body.next;
      }
      deepEqual(seen.map(({ n }) => n), seen.map((_, i) => i + 1));
      equal(seen.filter(({ text }) => text.includes("dropped: [[say:Waiting ")).length, QUEUE);
      ok(!model.requests.some(({ prompt }) => prompt.includes("Waiting 0")));
    });

    await step("only so many run", async () => {
      busy = await api.create({ ...request, prompt: "[[slow:300]]" });
      other = await api.create({ ...request, executor: "claude", prompt: "[[slow:300]]" });
      const body = { ...request, prompt: "[[say:Hi]]" };
      const { status, headers, body: problem } = await api.ask("POST", "/api/sessions", { body });
      equal(status, 429);
      equal(headers.get("content-type"), "application/problem+json");
      ok(Number(headers.get("retry-after")) > 0);
      match(problem.detail, /2 sessions run already \(--max-sessions\)/);
    });

    await step("lists, by what they are asked for", async () => {
      const all = await list();
      equal(all.total, 3);
      deepEqual(all.sessions.slice(0, 2).map(({ id }: Json) => id), [other.id, busy.id]);
      deepEqual((await list({ executor: "claude" })).sessions.map(({ id }: Json) => id), [
        other.id,
      ]);
      equal((await list({ status: "running" })).total, 2);
      equal((await list({ status: "cancelled" })).total, 1);
      equal((await list({ project_path: home.path })).total, 0);
      const second = await list({ limit: "1", offset: "1" });
      deepEqual([second.total, second.sessions.map(({ id }: Json) => id)], [3, [busy.id]]);
      equal((await api.ask("GET", "/api/sessions", { query: { status: "asleep" } })).status, 400);
    });

    await step("a new name", async () => {
      const renamed = await api.ask("PATCH", path(other.id), { body: { title: "Näme ✓" } });
      deepEqual([renamed.status, renamed.body.title], [200, "Näme ✓"]);
      equal((await api.session(other.id)).title, "Näme ✓");
      equal((await api.ask("PATCH", path(other.id), { body: { title: "" } })).status, 400);
    });

    await step("a session that runs is deleted, and leaves nothing", async () => {
      await using viewer = api.watch(other.id, { from: 1 });
      await viewer.next(({ data }) => data?.type === "user_message");
      await model.request(({ protocol }) => protocol === "anthropic");
      equal((await api.ask("DELETE", path(other.id))).status, 204);
      await viewer.ended();
      equal((await api.ask("GET", path(other.id))).status, 404);
      equal((await api.ask("DELETE", path(other.id))).status, 404);
      equal((await list()).total, 2);
      await api.cancel(busy.id);
      deepEqual(await rig.processes(), []);
    });
  },
);

peerTest(
  { name: "requests as the first generation's clients write them", ...withClis(codex) },
  async (t) => {
    const step = stepsOf(t);
    await using rig = await CommandRig.start();
    const { api, home } = rig;

    await step("parameters in the query, and other names", async () => {
      const query = {
        executor: "codex",
        prompt: "[[say:By query]]",
        projectPath: home.project,
        approval_mode: "plan",
        title: "T",
      };
      const { status, body, headers } = await api.ask("POST", "/api/sessions", { query });
      equal(status, 201, JSON.stringify(body));
      equal(headers.get("location"), `sessions/${body.id}`);
      deepEqual([body.project_path, body.permission_mode, body.title], [home.project, "plan", "T"]);
      await using viewer = api.watch(body.id, { from: 1 });
      equal((await viewer.completion()).status, "completed");
      // What is in the body goes first.
      const more = await api.ask("POST", "/api/sessions", {
        query: { prompt: "[[say:No]]", executor: "codex" },
        body: { prompt: "[[say:Yes]]", projectPath: home.project },
      });
      deepEqual([more.status, more.body.prompt], [201, "[[say:Yes]]"]);
      await using again = api.watch(more.body.id, { from: 1 });
      await again.completion();
    });

    await step("the path in the token, as curl has it", async () => {
      const url = `${api.server.url}/?token=${api.token}`;
      const created = await fetch(`${url}/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "*/*" },
        body: JSON.stringify({
          executor: "codex",
          prompt: "[[say:As of old]]",
          project_path: home.project,
        }),
      });
      equal(created.status, 200);
      equal(created.headers.get("content-type"), "text/event-stream");
      const events = await Array.fromAsync(readEvents(created.body!));
      ok(events.some(({ data }) => data.includes("As of old")));
      const last = JSON.parse(events.at(-1)!.data);
      deepEqual([last.type, last.success, last.status], ["completion", true, "completed"]);
      const id = created.headers.get("x-session-id");
      const { sessions } = await (await fetch(`${url}/sessions`)).json();
      equal(sessions[0].id, id);
      equal((await (await fetch(`${url}/sessions/${id}`)).json()).status, "completed");
      const rest = await fetch(`${url}/sessions/${id}&from_line=${last.total_lines}`);
      deepEqual(
        (await Array.fromAsync(readEvents(rest.body!))).filter(({ data }) => data !== ""),
        [events.at(-1)],
      );
    });
  },
);
