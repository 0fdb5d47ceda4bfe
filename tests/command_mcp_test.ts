import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "@std/path";
// @ts-types="@modelcontextprotocol/sdk/client"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Permission } from "../client/command/schemas.ts";
import type { Api } from "./api.ts";
import { claude, CLI_PATIENCE_MS, type CliHome, type CliOutcome, codex, withClis } from "./clis.ts";
import { CommandRig } from "./command.ts";
import { HELLO } from "./model/mod.ts";
import { peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import type { Json } from "./viewer.ts";

/** A client of the MCP server behind the tunnel, by the SDK. */
async function connect(url: string): Promise<Client & AsyncDisposable> {
  // No connection is kept, so that none of them counts as a leak.
  const http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: (input, init) => fetch(input, { ...init, client: http } as RequestInit),
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      await transport.terminateSession();
      await client.close();
      http.close();
    },
  });
}

/** The only question that waits, once it does. */
async function pending(api: Api): Promise<Permission> {
  let found: Permission[] = [];
  await eventually(
    "a question",
    async () => (found = await api.permissions("pending")).length > 0,
    CLI_PATIENCE_MS,
  );
  equal(found.length, 1);
  return found[0]!;
}

peerTest({ name: "MCP through the tunnel, by the SDK's client", ...withClis(codex) }, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start();
  const { api, home } = rig;
  await using client = await connect(api.url("/mcp"));
  const call = async (name: string, args: Json, options: Json = {}): Promise<Json> => {
    const given = { name, arguments: args };
    const { isError, structuredContent, content } = await client.callTool(given, undefined, {
      timeout: CLI_PATIENCE_MS,
      ...options,
    }) as Json;
    equal(isError ?? false, false, JSON.stringify(content));
    return structuredContent;
  };
  const start = { executor: "codex", project_path: home.project };
  let id = "";

  await step("its tools", async () => {
    const { tools } = await client.listTools();
    deepEqual(tools.map(({ name }) => name).sort(), [
      ...[
        "approval_prompt",
        "cancel_session",
        "decide_permission",
        "get_session",
        "list_permissions",
      ],
      ...["list_projects", "list_sessions", "send_message", "start_session"],
    ]);
  });

  await step("a session, with word of its progress, and a question that is answered", async () => {
    const told: string[] = [];
    const work = call("start_session", { ...start, prompt: "[[tool:touch by-mcp.txt]]" }, {
      onprogress: ({ message }: { message?: string }) => told.push(message ?? ""),
      resetTimeoutOnProgress: true,
    });
    const question = await pending(api);
    const { permissions } = await call("list_permissions", {});
    deepEqual(permissions.map((one: Permission) => one.id), [question.id]);
    const { permission } = await call("decide_permission", {
      permission_id: question.id,
      action: "approve",
    });
    equal(permission.status, "approved");
    const { session, text } = await work;
    id = session.id;
    deepEqual([session.status, session.executor], ["completed", "codex"]);
    match(text, /Final answer from the stub/);
    ok(told.length > 0, "no progress was told");
    ok((await Deno.stat(join(home.project, "by-mcp.txt"))).isFile);
    const twice = await client.callTool({
      name: "decide_permission",
      arguments: { permission_id: question.id, action: "deny" },
    });
    equal(twice.isError, true);
  });

  await step("a follow-up, and what became of it", async () => {
    const { turn, text } = await call("send_message", { session_id: id, prompt: "[[say:And on]]" });
    deepEqual([turn, text], [2, "And on"]);
    const looked = await call("get_session", { session_id: id });
    deepEqual([looked.session.turns, looked.text], [2, "And on"]);
    const { sessions, total } = await call("list_sessions", { executor: "codex" });
    deepEqual([sessions[0].id, total], [id, 1]);
    const { projects } = await call("list_projects", { executor: "codex" });
    equal(projects[0].path, home.project);
  });

  await step("its transcript", async () => {
    const { resources } = await client.listResources();
    const [resource] = resources.filter(({ uri }) => uri === `arp://sessions/${id}`);
    equal(resource?.mimeType, "text/markdown");
    const { contents } = await client.readResource({ uri: resource!.uri });
    const { text } = contents[0] as { text: string };
    match(text, /\[\[tool:touch by-mcp\.txt\]\][^]*Final answer[^]*\[\[say:And on\]\][^]*And on/);
  });

  await step("a session that is called off", async () => {
    const { session } = await call("start_session", {
      ...start,
      prompt: "[[slow:300]]",
      wait: false,
    });
    equal(session.status, "running");
    const { session: ended } = await call("cancel_session", { session_id: session.id });
    equal(ended.status, "cancelled");
    // Who calls off the call itself ends the session as well.
    const leaving = new AbortController();
    const prompt = "[[slow:301]]";
    const work = call("start_session", { ...start, prompt }, { signal: leaving.signal });
    const failed = work.then(() => false, () => true);
    await rig.model.request((request) => request.prompt.includes(prompt));
    leaving.abort();
    equal(await failed, true);
    await rig.model.aborted((request) => request.prompt.includes(prompt));
    const { sessions } = await call("list_sessions", { limit: 1 });
    equal((await call("get_session", { session_id: sessions[0].id })).session.status, "cancelled");
  });

  await step("what is wrong is told as an error of the tool", async () => {
    for (const args of [{ prompt: "x", executor: "hal" }, { prompt: "x", project_path: "/" }]) {
      const { isError, content } = await client.callTool({
        name: "start_session",
        arguments: args,
      });
      equal(isError, true);
      match((content as Json)[0].text, /executor: expected one of|project_path: expected/);
    }
  });
});

/** Claude Code, started by somebody else, with our MCP server. */
async function elsewhere(
  home: CliHome,
  server: Json,
  prompt: string,
  flags: readonly string[],
  signal?: AbortSignal,
): Promise<CliOutcome> {
  const config = { mcpServers: { arp: { type: "http", ...server } } };
  const args = ["-p", "--mcp-config", JSON.stringify(config), "--strict-mcp-config", ...flags];
  return await home.run(claude, [...args, "--", prompt], signal);
}

peerTest({
  name: "Claude Code on one side starts a session of Codex on the other, by MCP",
  ...withClis(claude, codex),
}, async () => {
  await using rig = await CommandRig.start();
  const { api, home, model } = rig;
  const args = { executor: "codex", prompt: "Hello there", project_path: home.project };
  const { code, stdout, stderr } = await elsewhere(
    home,
    { url: api.url("/mcp") },
    `[[mcp:start_session ${JSON.stringify(args)}]]`,
    ["--allowedTools", "mcp__arp__start_session"],
  );
  equal(code, 0, stderr + stdout);
  match(stdout, /Final answer from the stub/);
  const asked = await model.request(({ protocol }) => protocol === "responses");
  match(asked.prompt, /Hello there/);
  // What Codex said is what Claude Code's model was told.
  await model.request(({ protocol, results }) =>
    protocol === "anthropic" && results.some((text) => text.includes(HELLO))
  );
  const { body } = await api.ask("GET", "/api/sessions");
  deepEqual(body.sessions.map(({ executor, status }: Json) => `${executor} ${status}`), [
    "codex completed",
  ]);
});

peerTest({
  name: "Claude Code that was started elsewhere asks by MCP, and is answered over the API",
  ...withClis(claude),
}, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start({ env: { ARP_API_KEY: "a-key-for-tests" } });
  const { api, home, model } = rig;
  const server = {
    url: `${api.server.url}/mcp`,
    headers: { "X-ARP-Token": api.token, "Authorization": `Bearer ${api.key}` },
  };
  const flags = ["--permission-prompt-tool", "mcp__arp__approval_prompt"];
  const ask = (prompt: string, signal?: AbortSignal) =>
    elsewhere(home, server, prompt, flags, signal);

  await step("yes, with a change", async () => {
    const run = ask("[[tool:touch asked.txt]]");
    const { id, session_id, toolName, toolInput, editable } = await pending(api);
    deepEqual([session_id, toolName, editable], [null, "Bash", true]);
    const modifiedInput = { ...toolInput as Json, command: "touch edited.txt" };
    await api.decide(id, { action: "approve", modifiedInput });
    const { code, stdout, stderr } = await run;
    equal(code, 0, stderr);
    match(stdout, /Final answer/);
    ok((await Deno.stat(join(home.project, "edited.txt"))).isFile);
  });

  await step("no, with a reason", async () => {
    const run = ask("[[tool:touch denied.txt]]");
    const { id } = await pending(api);
    await api.decide(id, { action: "deny", denyReason: "not before the tests are green" });
    equal((await run).code, 0);
    await model.request(({ results }) => results.join().includes("not before the tests are green"));
    await rejects(Deno.stat(join(home.project, "denied.txt")), Deno.errors.NotFound);
  });

  await step("its end in the meantime", async () => {
    const leaving = new AbortController();
    const run = ask("[[tool:touch never.txt]]", leaving.signal);
    const { id } = await pending(api);
    leaving.abort();
    ok((await run).code !== 0);
    await eventually(
      "the end of the question",
      async () => (await api.permissions("cancelled")).some((one) => one.id === id),
    );
  });
});
