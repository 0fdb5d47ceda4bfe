import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { McpClients } from "./clients.ts";
import { McpServer } from "./sdk.ts";

const URL = "http://localhost/mcp";
const ACCEPT = "application/json, text/event-stream";

const create = () => {
  const server = new McpServer({ name: "test", version: "1" });
  server.registerTool("wait", {}, () => new Promise(() => {}));
  return server;
};

function post(body: object, session?: string): Request {
  const headers: Record<string, string> = { accept: ACCEPT, "content-type": "application/json" };
  if (session !== undefined) headers["mcp-session-id"] = session;
  return new Request(URL, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Introduces a client; its id, or the status of a refusal. */
async function introduce(clients: McpClients): Promise<string | number> {
  const response = await clients.handle(post({
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    },
  }));
  await response.text();
  return response.headers.get("mcp-session-id") ?? response.status;
}

/** A stream of notifications, which keeps a client from being idle. */
function listen(clients: McpClients, session: string): Promise<Response> {
  const headers = { accept: "text/event-stream", "mcp-session-id": session };
  return clients.handle(new Request(URL, { headers }));
}

async function known(clients: McpClients, session: string): Promise<boolean> {
  const response = await clients.handle(post({ jsonrpc: "2.0", id: 1, method: "ping" }, session));
  await response.text();
  return response.status === 200;
}

Deno.test("McpClients forgets clients that are idle for long", async () => {
  let now = 0;
  const clients = new McpClients(create, 10_000, () => now);
  const idle = String(await introduce(clients));
  const listening = String(await introduce(clients));
  const stream = await listen(clients, listening);
  now += 30 * 60_000;
  strictEqual(await known(clients, idle), true);
  now += 30 * 60_000 + 1;
  strictEqual(await known(clients, idle), false);
  strictEqual(await known(clients, listening), true);
  await stream.body!.cancel();
  now += 30 * 60_000 + 1;
  strictEqual(await known(clients, listening), false);
  strictEqual(clients.size, 0);
});

Deno.test("McpClients makes room for a new client, as long as one is idle", async () => {
  let now = 0;
  const clients = new McpClients(create, 10_000, () => now);
  const ids: string[] = [];
  for (let n = 0; n < 64; n++) {
    ids.push(String(await introduce(clients)));
    now++;
  }
  const streams = await Promise.all(ids.slice(1).map((id) => listen(clients, id)));
  const late = String(await introduce(clients));
  deepStrictEqual([clients.size, await known(clients, ids[0]!), await known(clients, late)], [
    64,
    false,
    true,
  ]);
  streams.push(await listen(clients, late));
  strictEqual(await introduce(clients), 503);
  for (const { body } of streams) await body!.cancel();
  now += 31 * 60_000;
  await introduce(clients);
  strictEqual(clients.size, 1);
});

Deno.test("McpClients remembers nobody who did not introduce himself", async () => {
  const clients = new McpClients(create, 10_000);
  for (const body of [{}, [], { jsonrpc: "2.0", id: 1, method: "tools/list" }]) {
    const response = await clients.handle(post(body));
    strictEqual(response.status, 400);
    await response.body?.cancel();
  }
  strictEqual(await known(clients, "made-up"), false);
  strictEqual(clients.size, 0);
});
