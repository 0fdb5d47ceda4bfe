import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { testWith, within } from "../../common/testdata/gate.ts";
import { createApp } from "./app.ts";
import { depsOf } from "./testdata/api.ts";
import { Served } from "./testdata/mcp.ts";
import { lineWith, TestBed } from "./sessions/testdata/executor.ts";

const NEEDED = (["read", "write", "run", "env", "net"] as const).map((name) => ({ name }));

/** Registers a test with the API on loopback, and sessions of the test CLI behind it. */
function servedTest(name: string, fn: (served: Served, bed: TestBed) => Promise<void>): void {
  testWith(NEEDED, name, async () => {
    await using bed = await TestBed.make();
    await using served = new Served(createApp(depsOf(bed)));
    await fn(served, bed);
  });
}

type Caller = Awaited<ReturnType<Served["client"]>>["client"];

/** Calls a tool; its result, with what stands in the text. */
// deno-lint-ignore no-explicit-any -- any result
async function call(client: Caller, name: string, args: object = {}): Promise<any> {
  const result = await client.callTool({ name, arguments: { ...args } });
  const text = (result.content as { text: string }[])[0]!.text;
  return { ...result, text, ...(result.isError ? {} : { value: JSON.parse(text) }) };
}

servedTest("MCP: the server names its tools, each with a schema", async (served) => {
  const { client } = await served.client();
  strictEqual(client.getServerVersion()?.name, "arpc");
  const { tools } = await client.listTools();
  deepStrictEqual(tools.map(({ name }) => name), [
    "approval_prompt",
    "start_session",
    "send_message",
    "cancel_session",
    "get_session",
    "list_sessions",
    "list_projects",
    "list_permissions",
    "decide_permission",
  ]);
  for (const { name, description, inputSchema } of tools) {
    ok(description, name);
    strictEqual(inputSchema.type, "object", name);
  }
  const [approval] = tools;
  deepStrictEqual(approval!.inputSchema.required, ["tool_name", "input"]);
});

servedTest(
  "MCP: start_session waits, tells of progress, and gives the last words",
  async (served) => {
    const { client } = await served.client();
    const progress: { progress: number; message?: string | undefined }[] = [];
    const result = await client.callTool(
      {
        name: "start_session",
        arguments: { executor: "test", prompt: "say one\nwait 1200\nsay two" },
      },
      undefined,
      { onprogress: (one) => progress.push(one) },
    );
    const { session, text } = result.structuredContent as {
      session: { status: string };
      text: string;
    };
    deepStrictEqual([session.status, text], ["completed", "onetwo"]);
    ok(progress.length >= 2, JSON.stringify(progress));
    deepStrictEqual(progress.map(({ progress }) => progress), progress.map((_, i) => i + 1));
    ok(progress.some(({ message }) => message?.includes("one")), JSON.stringify(progress));
  },
);

servedTest("MCP: a session is started without waiting, and talked with", async (served, bed) => {
  const { client } = await served.client();
  const { value } = await call(client, "start_session", {
    executor: "test",
    prompt: "ask Bash",
    wait: false,
    title: "Mine",
  });
  deepStrictEqual([value.session.status, value.session.title, value.text], ["running", "Mine", ""]);
  const session_id = value.session.id;
  const { id } = await bed.question();
  const { value: looked } = await call(client, "get_session", { session_id });
  strictEqual(looked.pending_permissions[0].id, id);
  const { value: asked } = await call(client, "list_permissions");
  deepStrictEqual([asked.total, asked.permissions[0].id], [1, id]);
  const { value: decided } = await call(client, "decide_permission", {
    permission_id: id,
    action: "approve",
  });
  strictEqual(decided.permission.status, "approved");
  await bed.sessions.find(session_id)!.idle();
  const { value: sent } = await call(client, "send_message", { session_id, prompt: "say more" });
  deepStrictEqual([sent.turn, sent.text, sent.session.status], [2, "more", "completed"]);
  strictEqual((await call(client, "get_session", { session_id })).value.text, "more");
  const { value: list } = await call(client, "list_sessions", { executor: "test" });
  deepStrictEqual([list.total, list.sessions[0].id], [1, session_id]);
  await call(client, "send_message", { session_id, prompt: "sleep", wait: false });
  const { value: cancelled } = await call(client, "cancel_session", { session_id });
  strictEqual(cancelled.session.status, "cancelled");
});

servedTest("MCP: what a tool cannot do is its result", async (served) => {
  const { client } = await served.client();
  const cases: [string, object, RegExp][] = [
    ["start_session", { executor: "nobody", prompt: "x" }, /expected one of test/],
    ["start_session", { executor: "test" }, /prompt/],
    ["get_session", { session_id: "nobody" }, /No session 'nobody'/],
    ["send_message", { session_id: "nobody", prompt: "x" }, /No session/],
    ["cancel_session", { session_id: "nobody" }, /No session/],
    ["decide_permission", { permission_id: "nobody", action: "deny" }, /no permission/],
    ["decide_permission", { permission_id: "nobody", action: "maybe" }, /action/],
    ["list_permissions", { session_id: "nobody" }, /No session/],
    ["list_projects", { executor: "nobody" }, /No history/],
    ["nothing", {}, /not found/],
  ];
  for (const [name, args, words] of cases) {
    const { isError, text } = await call(client, name, args);
    strictEqual(isError, true, name);
    match(text, words, name);
  }
  const failed = await call(client, "start_session", { executor: "test", prompt: "fail it broke" });
  deepStrictEqual([failed.isError, failed.value.session.status, failed.value.session.reason], [
    undefined,
    "failed",
    "it broke",
  ]);
});

servedTest("MCP: approval_prompt gives what Claude Code expects", async (served, bed) => {
  const { client } = await served.client();
  const input = { command: "touch x", description: "makes x" };
  const ask = async (answer: Parameters<typeof bed.approvals.decide>[1]) => {
    const asking = call(client, "approval_prompt", { tool_name: "Bash", input, tool_use_id: "t1" });
    const permission = await bed.question();
    deepStrictEqual(
      [permission.title, permission.toolCallId, permission.session_id, permission.editable],
      ["Bash: touch x", "t1", null, true],
    );
    bed.approvals.decide(permission.id, answer);
    const { value, structuredContent } = await asking;
    strictEqual(structuredContent, undefined);
    return value;
  };
  deepStrictEqual(await ask({ action: "approve" }), { behavior: "allow", updatedInput: input });
  deepStrictEqual(await ask({ action: "approve", modifiedInput: { command: "touch y" } }), {
    behavior: "allow",
    updatedInput: { command: "touch y" },
  });
  deepStrictEqual(await ask({ action: "approve", scope: "session" }), {
    behavior: "allow",
    updatedInput: input,
    updatedPermissions: [{
      type: "addRules",
      rules: [{ toolName: "Bash" }],
      behavior: "allow",
      destination: "session",
    }],
  });
  deepStrictEqual(await ask({ action: "deny", denyReason: "not now" }), {
    behavior: "deny",
    message: "not now",
  });
  const { behavior, message } = await ask({ action: "deny" });
  deepStrictEqual([behavior, typeof message], ["deny", "string"]);
});

servedTest(
  "MCP: approval_prompt belongs to the session that the address names",
  async (served, bed) => {
    const session = await bed.run("say one");
    const { client } = await served.client(`?session=${session.id}`);
    const asking = call(client, "approval_prompt", {
      tool_name: "Read",
      input: { file_path: "/a" },
    });
    const permission = await bed.question();
    deepStrictEqual([permission.session_id, permission.title], [session.id, "Read: /a"]);
    bed.approvals.decide(permission.id, { action: "deny" });
    await asking;
    ok(await lineWith(session, '"permission_resolved"'));
  },
);

/** Settles when the question has this status. */
async function becomes(bed: TestBed, id: string, status: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  using _watch = bed.approvals.watch(({ permission }) => {
    if (permission.id === id && permission.status === status) resolve();
  });
  if (bed.approvals.get(id)?.status !== status) await within(10_000, status, promise);
}

servedTest("MCP: who calls off a request withdraws its question", async (served, bed) => {
  const { client } = await served.client();
  const enough = new AbortController();
  const asking = client.callTool(
    { name: "approval_prompt", arguments: { tool_name: "Bash", input: {} } },
    undefined,
    { signal: enough.signal },
  );
  const { id } = await bed.question();
  enough.abort();
  await rejects(asking);
  await becomes(bed, id, "cancelled");
});

/** Calls a tool by hand; its answer is for the caller to read. */
async function callRaw(
  served: Served,
  session: string,
  name: string,
  args: object,
): Promise<Response> {
  return await fetch(`${served.url}/mcp`, {
    method: "POST",
    headers: {
      "accept": "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-session-id": session,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: { name, arguments: args },
    }),
  });
}

servedTest("MCP: who is gone withdraws its question", async (served, bed) => {
  const { transport } = await served.client();
  const question = { tool_name: "Bash", input: {} };
  const response = await callRaw(served, transport.sessionId!, "approval_prompt", question);
  const { id } = await bed.question();
  await response.body!.cancel();
  await becomes(bed, id, "cancelled");
});

servedTest("MCP: who calls off a session that it waits for ends it", async (served, bed) => {
  const { client } = await served.client();
  const enough = new AbortController();
  const started = Promise.withResolvers<void>();
  const waiting = client.callTool(
    { name: "start_session", arguments: { executor: "test", prompt: "say one\nsleep" } },
    undefined,
    { signal: enough.signal, onprogress: () => started.resolve() },
  );
  const failed = rejects(waiting);
  await within(10_000, "the start", started.promise);
  const [info] = bed.sessions.list({ limit: 1, offset: 0 }).items;
  const session = bed.sessions.find(info!.id)!;
  await lineWith(session, '"one"');
  enough.abort();
  await failed;
  await within(10_000, "the end", session.idle());
  strictEqual(session.info.status, "cancelled");
});

servedTest(
  "MCP: a session goes on when who waits for it is cut off, or has left",
  async (served, bed) => {
    const { transport } = await served.client();
    const response = await callRaw(served, transport.sessionId!, "start_session", {
      executor: "test",
      prompt: "say one\nask Bash\nsay two",
    });
    const { id, session_id } = await bed.question();
    await response.body!.cancel();
    await transport.terminateSession();
    const session = bed.sessions.find(session_id!)!;
    strictEqual(session.running, true);
    bed.approvals.decide(id, { action: "approve" });
    await within(10_000, "the end", session.idle());
    strictEqual(session.info.status, "completed");
  },
);

servedTest("MCP: transcripts are resources", async (served, bed) => {
  const session = await bed.run("say **one**");
  const { client } = await served.client();
  const { resources } = await client.listResources();
  deepStrictEqual(resources.map(({ uri, name }) => [uri, name]), [
    [`arp://sessions/${session.id}`, "say **one**"],
  ]);
  const { resourceTemplates } = await client.listResourceTemplates();
  strictEqual(resourceTemplates[0]!.uriTemplate, "arp://sessions/{id}");
  const { contents } = await client.readResource({ uri: resources[0]!.uri });
  const [{ text, mimeType } = { text: "", mimeType: "" }] = contents as {
    text: string;
    mimeType: string;
  }[];
  strictEqual(mimeType, "text/markdown");
  match(text, /## User\n\nsay \*\*one\*\*\n\n## test\n\n\*\*one\*\*\n/);
  await rejects(client.readResource({ uri: "arp://sessions/nobody" }), /No session 'nobody'/);
});
