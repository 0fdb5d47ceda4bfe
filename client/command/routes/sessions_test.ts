import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { within } from "../../../common/testdata/gate.ts";
import { lineWith } from "../sessions/testdata/executor.ts";
import { type Api, apiTest } from "../testdata/api.ts";
import { heard } from "../testdata/events.ts";

const JSON_ANSWER = { accept: "application/json" };

/** Starts a session; its details. */
// deno-lint-ignore no-explicit-any -- as JSON has it
async function start(api: Api, prompt: string, more: object = {}): Promise<any> {
  const request = { executor: "test", prompt, ...more };
  const { status, body } = await api.json("POST", "/api/sessions", request, JSON_ANSWER);
  strictEqual(status, 201, JSON.stringify(body));
  return body;
}

apiTest("a session is started and streams its output to whoever accepts anything", async (api) => {
  for (const accept of [undefined, "*/*", "text/event-stream"]) {
    const headers: Record<string, string> = accept === undefined ? {} : { accept };
    const request = { executor: "test", prompt: "say one\nsay two" };
    const response = await api.ask("POST", "/api/sessions", request, headers);
    strictEqual(response.status, 200);
    strictEqual(response.headers.get("content-type"), "text/event-stream");
    strictEqual(response.headers.get("x-accel-buffering"), "no");
    match(response.headers.get("cache-control") ?? "", /no-cache/);
    const id = response.headers.get("x-session-id")!;
    strictEqual(response.headers.get("location"), `sessions/${id}`);
    const events = await within(20_000, "the stream", Array.fromAsync(heard(response)));
    const epoch = (await api.json("GET", `/sessions/${id}`)).body.epoch;
    deepStrictEqual(
      events.map(({ data }) => data.type),
      ["user_message", "init", "text", "text", "end", "completion"],
    );
    deepStrictEqual(events.map(({ id }) => id), events.map((_, i) => `${epoch}:${i + 1}`));
    strictEqual(events.at(-1)!.data.success, true);
  }
});

apiTest("a session streams as NDJSON", async (api) => {
  const request = { executor: "test", prompt: "say one" };
  const accept = { accept: "application/x-ndjson" };
  const response = await api.ask("POST", "/api/sessions", request, accept);
  strictEqual(response.headers.get("content-type"), "application/x-ndjson");
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  deepStrictEqual(lines.map((line) => JSON.parse(line).type), [
    "user_message",
    "init",
    "text",
    "end",
    "completion",
  ]);
});

apiTest("a session is 201 with its place for who wants JSON", async (api, bed) => {
  const request = { executor: "test", prompt: "say one", title: "One" };
  const response = await api.ask("POST", "/sessions", request, JSON_ANSWER);
  strictEqual(response.status, 201);
  const body = await response.json();
  strictEqual(response.headers.get("location"), `sessions/${body.id}`);
  strictEqual(response.headers.get("x-session-id"), body.id);
  strictEqual(body.title, "One");
  strictEqual(body.status, "running");
  await bed.sessions.find(body.id)!.idle();
  const { body: after } = await api.json("GET", `/sessions/${body.id}`);
  strictEqual(after.status, "completed");
  // The CLI's own id names it as well.
  strictEqual((await api.json("GET", `/sessions/${after.cli_session_id}`)).body.id, body.id);
});

apiTest("a session takes its fields from the query", async (api, bed) => {
  const query = new URLSearchParams({ executor: "test", prompt: "cwd", projectPath: bed.project });
  const { status, body } = await api.json("POST", `/sessions?${query}`, undefined, JSON_ANSWER);
  strictEqual(status, 201);
  strictEqual(body.project_path, bed.project);
  await bed.sessions.find(body.id)!.idle();
});

apiTest("what cannot be started gets a reason", async (api) => {
  const cases: [object, number, RegExp][] = [
    [{ prompt: "x", executor: "nobody" }, 422, /expected one of test/],
    [{ prompt: "x", executor: "missing" }, 422, /npm install/],
    [{ prompt: "x", executor: "test", project_path: "/" }, 422, /project/],
    [{ prompt: "x", executor: "test", permission_mode: "all" }, 403, /--allow-bypass/],
    [{ prompt: "x", executor: "test", permission_mode: "some" }, 422, /ask, all/],
    [{ executor: "test" }, 400, /prompt/],
  ];
  for (const [request, expected, words] of cases) {
    const { status, body } = await api.json("POST", "/sessions", request);
    strictEqual(status, expected, JSON.stringify(body));
    match(body.detail, words);
    strictEqual(body.status, expected);
  }
  const running = await Promise.all(Array.from({ length: 8 }, () => start(api, "sleep")));
  const response = await api.ask("POST", "/sessions", { executor: "test", prompt: "x" });
  strictEqual(response.status, 429);
  match(response.headers.get("retry-after") ?? "", /^\d+$/);
  await response.body?.cancel();
  for (const { id } of running) {
    strictEqual((await api.json("POST", `/sessions/${id}/cancel`)).body.status, "cancelled");
  }
});

apiTest("the details of a session are JSON unless a stream is asked for", async (api, bed) => {
  const { id } = await bed.run("say one");
  const cases: [string, Record<string, string>, string][] = [
    ["", {}, "application/json"],
    ["", { accept: "*/*" }, "application/json"],
    ["", { accept: "text/event-stream" }, "text/event-stream"],
    ["", { accept: "application/x-ndjson" }, "application/x-ndjson"],
    ["?from_line=1", {}, "text/event-stream"],
    ["?format=events", {}, "text/event-stream"],
    ["", { "last-event-id": "0" }, "text/event-stream"],
    ["?from_line=1", { accept: "application/json" }, "application/json"],
  ];
  for (const [query, headers, type] of cases) {
    const response = await api.ask("GET", `/api/sessions/${id}${query}`, undefined, headers);
    strictEqual(response.headers.get("content-type"), type, query + JSON.stringify(headers));
    await response.body?.cancel();
  }
  strictEqual((await api.json("GET", "/sessions/nobody")).status, 404);
});

apiTest("a stream goes on from a line, and from the last event that was seen", async (api, bed) => {
  const session = await bed.run("say one\nsay two\nsay three");
  const { epoch } = session.log;
  const lines = async (query: string, headers: Record<string, string> = {}) => {
    const response = await api.ask("GET", `/sessions/${session.id}${query}`, undefined, headers);
    const events = await Array.fromAsync(heard(response));
    return events.map(({ event, id }) => event === "message" ? id!.split(":")[1] : event);
  };
  deepStrictEqual(await lines("?from_line=5"), ["5", "6", "7"]);
  deepStrictEqual(await lines("", { "last-event-id": `${epoch}:5` }), ["6", "7"]);
  // An EventSource comes back to the address that it was opened with.
  deepStrictEqual(await lines("?from_line=2", { "last-event-id": `${epoch}:5` }), ["6", "7"]);
  deepStrictEqual(await lines("", { "last-event-id": `${epoch}:7` }), []);
  deepStrictEqual((await lines("", { "last-event-id": "other:5" })).slice(0, 2), ["reset", "1"]);
  const wrong = { "last-event-id": "x y" };
  strictEqual((await api.json("GET", `/sessions/${session.id}`, undefined, wrong)).status, 400);
});

apiTest("a stream shows events in ACP's words, and both", async (api, bed) => {
  const { id } = await bed.run("say one");
  const kinds = async (format: string) => {
    const response = await api.ask("GET", `/sessions/${id}?format=${format}`);
    return (await Array.fromAsync(heard(response)))
      .map(({ event, data }) => event === "session_update" ? data.sessionUpdate : data.type);
  };
  deepStrictEqual(await kinds("events"), ["user_message", "agent_message_chunk", "completion"]);
  deepStrictEqual(await kinds("both"), [
    "user_message",
    "init",
    "text",
    "agent_message_chunk",
    "end",
    "completion",
  ]);
});

apiTest("lines come page by page", async (api, bed) => {
  const { id, log } = await bed.run("lines 20");
  const { body } = await api.json("GET", `/sessions/${id}/lines?from=3&limit=2`);
  deepStrictEqual(body.lines.map(({ n, kind }: { n: number; kind: string }) => [n, kind]), [
    [3, "raw"],
    [4, "raw"],
  ]);
  deepStrictEqual([body.epoch, body.first, body.last, body.next], [log.epoch, 1, log.last, 5]);
  strictEqual(JSON.parse(body.lines[0].text).type, "text");
  const { body: rest } = await api.json("GET", `/sessions/${id}/lines?from=${log.last}`);
  deepStrictEqual([rest.lines.length, rest.next], [1, null]);
  const { body: none } = await api.json("GET", `/sessions/${id}/lines?from=1000`);
  deepStrictEqual([none.lines.length, none.next], [0, null]);
});

apiTest("sessions are listed, filtered and paged", async (api, bed) => {
  const ids = [
    (await bed.run("say 0")).id,
    (await bed.run("fail 1")).id,
    (await bed.run("say 2", { executor: "other" })).id,
  ];
  const list = async (query: string) => {
    const { body } = await api.json("GET", `/api/sessions${query}`);
    return [body.total, ...body.sessions.map(({ id }: { id: string }) => ids.indexOf(id))];
  };
  deepStrictEqual(await list(""), [3, 2, 1, 0]);
  deepStrictEqual(await list("?limit=1&offset=1"), [3, 1]);
  deepStrictEqual(await list("?executor=other"), [1, 2]);
  deepStrictEqual(await list("?status=failed"), [1, 1]);
  deepStrictEqual(await list(`?project_path=${encodeURIComponent(bed.project)}&limit=2`), [
    3,
    2,
    1,
  ]);
});

apiTest("a session takes follow-ups, and is renamed, cancelled and deleted", async (api, bed) => {
  const { id } = await start(api, "sleep");
  const { status, body } = await api.json("POST", `/sessions/${id}/messages`, { prompt: "say b" });
  deepStrictEqual([status, body], [202, { turn: 2 }]);
  strictEqual((await api.json("GET", `/sessions/${id}`)).body.queued, 1);
  strictEqual((await api.json("POST", `/sessions/${id}/messages`, {})).status, 400);
  const { body: cancelled } = await api.json("POST", `/sessions/${id}/cancel`);
  deepStrictEqual([cancelled.status, cancelled.queued], ["cancelled", 0]);
  await api.json("POST", `/sessions/${id}/messages`, { prompt: "say c" });
  await bed.sessions.find(id)!.idle();
  strictEqual((await api.json("GET", `/sessions/${id}`)).body.status, "completed");
  const { body: renamed } = await api.json("PATCH", `/sessions/${id}`, { title: "Better" });
  strictEqual(renamed.title, "Better");
  strictEqual((await api.json("PATCH", `/sessions/${id}`, { title: "" })).status, 400);
  const removed = await api.ask("DELETE", `/sessions/${id}`);
  strictEqual(removed.status, 204);
  for (
    const [method, path, body] of [
      ["GET", ""],
      ["DELETE", ""],
      ["PATCH", "", { title: "x" }],
      ["POST", "/cancel"],
      ["POST", "/messages", { prompt: "x" }],
      ["GET", "/lines"],
      ["GET", "/diff"],
      ["GET", "/agentapi/status"],
    ] as const
  ) strictEqual((await api.json(method, `/sessions/${id}${path}`, body)).status, 404, path);
});

apiTest("a session goes on when its reader leaves", async (api, bed) => {
  const response = await api.ask("POST", "/sessions", { executor: "test", prompt: "ask Bash" });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  const session = bed.sessions.find(response.headers.get("x-session-id")!)!;
  const { id } = await bed.question();
  ok(session.running);
  await api.json("POST", `/permissions/${id}/decision`, { action: "approve" });
  await lineWith(session, '"completion"');
  strictEqual(session.info.status, "completed");
});

apiTest("what a session changed is told where there is a work tree", async (api, bed) => {
  const { id } = await bed.run("say one");
  const { status, body } = await api.json("GET", `/sessions/${id}/diff`);
  deepStrictEqual([status, body.available], [200, false]);
  ok(body.reason);
});

apiTest("executors are listed with what they need", async (api) => {
  const { status, body } = await api.json("GET", "/api/executors");
  strictEqual(status, 200);
  const [test, , missing] = body.executors;
  deepStrictEqual([test.name, test.installed, test.version, test.problem], [
    "test",
    true,
    "1.0.0",
    null,
  ]);
  deepStrictEqual(
    test.modes.map(({ name, allowed }: { name: string; allowed: boolean }) => [
      name,
      allowed,
    ]),
    [["ask", true], ["all", false]],
  );
  deepStrictEqual(test.extra_args[0], { flag: "--effort", takes_value: true });
  deepStrictEqual(
    test.styles.map((one: { driver: string; default: boolean }) => [one.driver, one.default]),
    [["test", true], ["stream", false]],
  );
  deepStrictEqual([missing.installed, missing.path, missing.install], [
    false,
    null,
    "npm install test",
  ]);
  match(missing.problem, /not in PATH/);
});
