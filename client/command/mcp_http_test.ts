import { rejects, strictEqual } from "node:assert/strict";
import { netTest } from "../../common/testdata/gate.ts";
import { createApp } from "./app.ts";
import { createMcpApp } from "./mcp.ts";
import { Api, Still } from "./testdata/api.ts";
import { Served } from "./testdata/mcp.ts";

netTest("MCP: a client that has ended its session is not known any more", async () => {
  await using still = new Still();
  await using served = new Served(createApp(still.deps));
  const { client, transport } = await served.client();
  const id = transport.sessionId!;
  await client.listTools();
  await transport.terminateSession();
  const api = new Api(createApp(still.deps));
  const body = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const accept = "application/json, text/event-stream";
  const headers = { accept, "mcp-session-id": id, "content-type": "application/json" };
  const response = await fetch(`${served.url}/mcp`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  strictEqual(response.status, 404);
  strictEqual((await response.json()).error.message, "Session not found");
  // Without an introduction there is no session; this also is what newer clients try first.
  const probe = { jsonrpc: "2.0", id: "p", method: "server/discover", params: {} };
  const { status } = await api.json("POST", "/mcp", probe, { accept });
  strictEqual(status, 400);
});

netTest("MCP: the key, the origin and the body are checked", async () => {
  await using still = new Still({ apiKey: "correct-horse" });
  await using served = new Served(createApp(still.deps));
  await rejects(served.client());
  const key = { authorization: "Bearer correct-horse" };
  const { client } = await served.client("", key);
  strictEqual((await client.listTools()).tools.length, 9);
  const { api } = still;
  const foreign = { ...key, origin: "https://evil.example", accept: "text/event-stream" };
  strictEqual((await api.json("GET", "/mcp", undefined, foreign)).status, 403);
  strictEqual((await api.json("POST", "/mcp", {}, foreign)).status, 403);
  strictEqual(
    (await api.json("POST", "/mcp", "{", { ...key, "content-type": "text/plain" })).status,
    415,
  );
});

netTest("createMcpApp() answers only those that call this machine by its name", async () => {
  await using still = new Still();
  const app = createMcpApp(still.deps);
  await using served = new Served(app);
  const { client } = await served.client();
  strictEqual((await client.listTools()).tools.length, 9);
  const api = new Api(app);
  const accept = "text/event-stream";
  for (const host of ["evil.example", "127.0.0.1.evil.example:9021", "192.0.2.1:9021", ""]) {
    const { status } = await api.json("GET", "/mcp", undefined, { host, accept });
    strictEqual(status, 403, host);
  }
  for (const host of ["localhost:9021", "127.0.0.1", "[::1]:9021", "LOCALHOST"]) {
    const { status } = await api.json("GET", "/mcp", undefined, { host, accept });
    strictEqual(status, 400, host);
  }
  const { status } = await api.json("GET", "/sessions", undefined, { host: "localhost" });
  strictEqual(status, 404);
});
