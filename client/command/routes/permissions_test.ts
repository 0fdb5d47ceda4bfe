import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { within } from "../../../common/testdata/gate.ts";
import { type Api, apiTest, Still } from "../testdata/api.ts";
import { type Heard, heard } from "../testdata/events.ts";
import { typed } from "../sessions/testdata/executor.ts";

/** The next event, in time. */
async function next(events: AsyncIterator<Heard>): Promise<Heard> {
  const { value, done } = await within(10_000, "an event", events.next());
  if (done) throw new Error("The stream ended");
  return value;
}

const notify = (api: Api, more: object = {}) =>
  api.json("POST", "/api/permissions/notify", {
    toolName: "Bash",
    toolInput: { command: "ls" },
    streamingId: "stream-1",
    ...more,
  });

apiTest("a question of a session is listed and answered, once", async (api, bed) => {
  const session = await bed.start("ask Bash");
  const { id } = await bed.question();
  const { body: waiting } = await api.json("GET", "/api/permissions?status=pending");
  deepStrictEqual([waiting.total, waiting.permissions[0].id], [1, id]);
  const { body: own } = await api.json("GET", `/permissions?session_id=${session.id}`);
  deepStrictEqual(own, waiting);
  strictEqual((await api.json("GET", "/permissions?session_id=nobody")).body.total, 0);
  strictEqual((await api.json("GET", `/permissions/${id}`)).body.toolName, "Bash");
  const path = `/permissions/${id}/decision`;
  strictEqual((await api.json("POST", path, { action: "maybe" })).status, 400);
  strictEqual((await api.json("POST", path, { action: "approve", scope: "always" })).status, 422);
  const answer = { action: "approve", scope: "session", modifiedInput: { command: "pwd" } };
  const { status, body } = await api.json("POST", path, answer);
  deepStrictEqual([status, body.status, body.scope, body.success], [
    200,
    "approved",
    "session",
    true,
  ]);
  strictEqual((await api.json("POST", path, { action: "deny" })).status, 409);
  strictEqual(
    (await api.json("POST", "/permissions/nobody/decision", { action: "deny" })).status,
    404,
  );
  strictEqual((await api.json("GET", "/permissions/nobody")).status, 404);
  await session.idle();
  deepStrictEqual(typed(session, "answer")[0].answer, answer);
});

apiTest("the events of questions begin with those that wait", async (api, bed) => {
  await bed.start("ask Bash");
  const first = await bed.question();
  const response = await api.ask("GET", "/api/permissions/events");
  strictEqual(response.headers.get("content-type"), "text/event-stream");
  const events = heard(response);
  const { event, data } = await next(events);
  deepStrictEqual([event, data.type, data.permission.id], [
    "permission_request",
    "permission_request",
    first.id,
  ]);
  await api.json("POST", `/permissions/${first.id}/decision`, { action: "deny", denyReason: "no" });
  const resolved = await next(events);
  deepStrictEqual([resolved.event, resolved.data.permission.denyReason], [
    "permission_resolved",
    "no",
  ]);
  await notify(api);
  strictEqual((await next(events)).data.permission.title, "Bash: ls");
  await events.return(undefined);
});

Deno.test("cui's tool asks, and hears of a yes with another input", async () => {
  await using still = new Still();
  const { api } = still;
  const { status, body } = await notify(api);
  deepStrictEqual([status, body.success], [200, true]);
  // What the tool does every second.
  const poll = async (query: string) => {
    const { body: list } = await api.json("GET", `/api/permissions?streamingId=stream-1${query}`);
    return list.permissions;
  };
  const [waiting] = await poll("&status=pending");
  deepStrictEqual([waiting.id, waiting.status, waiting.streamingId, waiting.toolName], [
    body.id,
    "pending",
    "stream-1",
    "Bash",
  ]);
  match(waiting.timestamp, /^\d{4}-/);
  deepStrictEqual((await api.json("GET", "/permissions?streamingId=other")).body.permissions, []);
  // What cui's page asks for.
  strictEqual((await api.json("GET", "/permissions?streamingId=&status=pending")).body.total, 1);
  const answer = { action: "approve", modifiedInput: { command: "pwd" } };
  strictEqual((await api.json("POST", `/permissions/${body.id}/decision`, answer)).status, 200);
  deepStrictEqual(await poll("&status=pending"), []);
  const [decided] = await poll("");
  deepStrictEqual([decided.id, decided.status, decided.modifiedInput], [
    body.id,
    "approved",
    { command: "pwd" },
  ]);
});

Deno.test("to cui's tool a question that is over was denied", async () => {
  await using still = new Still();
  const { api, deps } = still;
  const gone = new AbortController();
  const { body } = await notify(api);
  await api.json("POST", `/permissions/${body.id}/decision`, { action: "deny", denyReason: "no" });
  const question = { tool: "T", title: "T", input: {}, scopes: ["once"], editable: false } as const;
  deps.approvals.ask(undefined, question, gone.signal).answer.catch(() => {});
  gone.abort();
  const { body: all } = await api.json("GET", "/permissions");
  deepStrictEqual(all.permissions.map((one: { status: string }) => one.status), [
    "cancelled",
    "denied",
  ]);
  const { body: list } = await api.json("GET", "/permissions?streamingId=stream-1");
  deepStrictEqual(
    list.permissions.map((
      one: { status: string; denyReason: string },
    ) => [one.status, one.denyReason]),
    [["denied", "no"]],
  );
});

apiTest("to cui's tool the id of a session is a streaming id", async (api, bed) => {
  const session = await bed.start("ask Bash");
  const own = await bed.question();
  const { body } = await notify(api, { streamingId: session.id });
  const { body: list } = await api.json("GET", `/permissions?streamingId=${session.id}`);
  deepStrictEqual(
    list.permissions.map(({ id }: { id: string }) => id).sort(),
    [own.id, body.id].sort(),
  );
  strictEqual((await api.json("GET", `/permissions/${body.id}`)).body.session_id, session.id);
  await session.cancel();
  // The session's own question went with it; the tool must not ask for it for ever.
  const { body: after } = await api.json("GET", `/permissions?streamingId=${session.id}`);
  const over = after.permissions.find(({ id }: { id: string }) => id === own.id);
  deepStrictEqual([over.status, over.denyReason], ["denied", "The question was cancelled"]);
});

Deno.test("cui's tool may leave out what it does not know", async () => {
  await using still = new Still();
  strictEqual((await notify(still.api, { toolName: "" })).status, 400);
  strictEqual((await still.api.json("POST", "/permissions/notify", {})).status, 400);
  const { body } = await still.api.json("POST", "/permissions/notify", { toolName: "Read" });
  strictEqual((await still.api.json("GET", `/permissions/${body.id}`)).body.title, "Read");
});

Deno.test("questions from elsewhere are bounded", async () => {
  await using still = new Still();
  const statuses = new Map<number, number>();
  for (let n = 0; n < 250; n++) {
    const { status } = await notify(still.api);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  deepStrictEqual([...statuses], [[200, 100], [429, 150]]);
});
