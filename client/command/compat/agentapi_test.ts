import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { within } from "../../../common/testdata/gate.ts";
import { lineWith } from "../sessions/testdata/executor.ts";
import { type Api, apiTest } from "../testdata/api.ts";
import { type Heard, heard } from "../testdata/events.ts";

const base = (id: string) => `/api/sessions/${id}/agentapi`;

const status = async (api: Api, id: string) => (await api.json("GET", `${base(id)}/status`)).body;

apiTest("agentapi: a session has a status, and messages", async (api, bed) => {
  const session = await bed.start("say one\nask Bash");
  await lineWith(session, '"permission_request"');
  deepStrictEqual(await status(api, session.id), {
    status: "running",
    agent_type: "test",
    transport: "acp",
  });
  const { id } = await bed.question();
  bed.approvals.decide(id, { action: "approve" });
  await session.idle();
  strictEqual((await status(api, session.id)).status, "stable");
  const { body } = await api.json("GET", `${base(session.id)}/messages`);
  deepStrictEqual(
    body.messages.map(({ time: _, ...one }: { time: string }) => one),
    [
      { id: 0, role: "user", content: "say one\nask Bash" },
      { id: 1, role: "agent", content: "one" },
    ],
  );
  match(body.messages[0].time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

apiTest("agentapi: a message is taken while the CLI is not at work", async (api, bed) => {
  const session = await bed.start("ask Bash");
  const { id } = await bed.question();
  const send = (content: string, type = "user") =>
    api.json("POST", `${base(session.id)}/message`, { content, type });
  const busy = await send("say two");
  deepStrictEqual([busy.status, busy.body.title], [409, "Conflict"]);
  const { status: refused, body: { errors } } = await send("x", "other");
  deepStrictEqual([refused, errors.length, errors[0].location], [422, 1, "body.type"]);
  strictEqual((await send("x", "raw")).status, 422);
  bed.approvals.decide(id, { action: "approve" });
  await session.idle();
  deepStrictEqual(await send("say two\nsleep"), { status: 200, body: { ok: true } });
  await lineWith(session, '"two"');
  // Ctrl-C.
  deepStrictEqual(await send("\u0003", "raw"), { status: 200, body: { ok: true } });
  strictEqual(session.info.status, "cancelled");
});

apiTest("agentapi: events lead to the present state, and go on", async (api, bed) => {
  const session = await bed.run("say one");
  const response = await api.ask("GET", `${base(session.id)}/events`);
  strictEqual(response.headers.get("content-type"), "text/event-stream");
  const events = heard(response);
  const next = async (): Promise<Heard> => {
    const { value } = await within(10_000, "an event", events.next());
    return value;
  };
  const [user, agent, stable] = [await next(), await next(), await next()];
  deepStrictEqual(
    [user, agent].map(({ event, data }) => [event, data.id, data.role, data.message]),
    [["message_update", 0, "user", "say one"], ["message_update", 1, "agent", "one"]],
  );
  ok(user.data.time);
  deepStrictEqual([stable.event, stable.data], [
    "status_change",
    { status: "stable", agent_type: "test" },
  ]);
  session.send({ prompt: "say two\nask Bash\nfail it broke" });
  const running: Heard[] = [];
  while (running.at(-1)?.event !== "status_change") running.push(await next());
  strictEqual(running.at(-1)!.data.status, "running");
  const { id } = await bed.question();
  bed.approvals.decide(id, { action: "approve" });
  const rest = [...running];
  while (rest.at(-1)?.event !== "agent_error") rest.push(await next());
  const said = rest.filter(({ event }) => event === "message_update").map(({ data }) => data);
  deepStrictEqual(
    [...new Map(said.map(({ id, message }) => [id, message]))],
    [[2, "say two\nask Bash\nfail it broke"], [3, "two"]],
  );
  deepStrictEqual([rest.at(-1)!.data.message, rest.at(-1)!.data.level], ["it broke", "error"]);
  await bed.sessions.delete(session.id);
  strictEqual((await within(10_000, "the end", events.next())).done, true);
});

apiTest("agentapi: a reader of events may leave at any time", async (api, bed) => {
  const session = await bed.start("sleep");
  const response = await api.ask("GET", `${base(session.id)}/events`);
  const reader = response.body!.getReader();
  await reader.read();
  await within(5000, "the end", reader.cancel());
});

apiTest("agentapi: files are put where the CLI can read them", async (api, bed) => {
  const session = await bed.run("say one");
  const upload = async (form: FormData) => {
    const response = await api.app.request(`${base(session.id)}/upload`, {
      method: "POST",
      body: form,
    });
    return { status: response.status, body: await response.json() };
  };
  const form = new FormData();
  form.set("file", new File(["inside"], "../../a b.txt"));
  const { status, body } = await upload(form);
  deepStrictEqual([status, body.ok], [200, true]);
  ok(body.filePath.startsWith(bed.config.stateFolder), body.filePath);
  match(body.filePath, /upload-[0-9a-f]{8}-a_b\.txt$/);
  strictEqual(await Deno.readTextFile(body.filePath), "inside");
  session.send({ prompt: `read ${body.filePath}` });
  await session.idle();
  await lineWith(session, '"inside"');

  const large = new FormData();
  large.set("file", new File([new Uint8Array(10 * 1024 * 1024 + 1)], "large"));
  deepStrictEqual([(await upload(large)).status], [400]);
  const other = new FormData();
  other.set("other", "x");
  strictEqual((await upload(other)).status, 422);
  const text = new FormData();
  text.set("file", "only text");
  strictEqual((await upload(text)).status, 422);
  await bed.sessions.delete(session.id);
  ok(await Deno.stat(body.filePath).then(() => false, () => true));
});
