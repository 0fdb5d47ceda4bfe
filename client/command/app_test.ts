import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Api, Still } from "./testdata/api.ts";
import { createApp } from "./app.ts";
import { DEFAULT_LIMITS } from "./config.ts";
import { Gate } from "./http/guard.ts";
import type { History } from "./history/mod.ts";
import { createMcpApp } from "./mcp.ts";

const KEY = "correct-horse-battery";
const ORIGIN = "https://app.example.com";

Deno.test("createApp() answers under /api and without it", async () => {
  await using still = new Still();
  for (const path of ["/api/health", "/health"]) {
    deepStrictEqual(await still.api.json("GET", path), { status: 200, body: { status: "ok" } });
  }
  for (const path of ["/api/sessions", "/sessions"]) {
    deepStrictEqual((await still.api.json("GET", path)).body, { sessions: [], total: 0 });
  }
});

Deno.test("createApp() says of unknown paths and methods what there is", async () => {
  await using still = new Still();
  const { status, body } = await still.api.json("GET", "/api/nothing");
  strictEqual(status, 404);
  deepStrictEqual(body, {
    type: "about:blank",
    title: "Not Found",
    status: 404,
    detail: "There is nothing at /api/nothing",
  });
  const cases: [string, string, string][] = [
    ["PUT", "/api/sessions", "GET, HEAD, OPTIONS, POST"],
    ["POST", "/sessions/x", "DELETE, GET, HEAD, OPTIONS, PATCH"],
    ["GET", "/api/sessions/x/cancel", "OPTIONS, POST"],
    ["PUT", "/permissions/notify", "OPTIONS, POST"],
    ["DELETE", "/", "GET, HEAD, OPTIONS"],
    ["PUT", "/mcp", "DELETE, GET, HEAD, OPTIONS, POST"],
  ];
  for (const [method, path, allow] of cases) {
    const response = await still.api.ask(method, path);
    strictEqual(response.status, 405, `${method} ${path}`);
    strictEqual(response.headers.get("allow"), allow, `${method} ${path}`);
    strictEqual(response.headers.get("content-type"), "application/problem+json");
    await response.body?.cancel();
  }
  const asked = await still.api.ask("OPTIONS", "/api/sessions");
  strictEqual(asked.status, 204);
  strictEqual(asked.headers.get("allow"), "GET, HEAD, OPTIONS, POST");
});

Deno.test("createApp() answers HEAD like GET without the body", async () => {
  await using still = new Still();
  const get = await still.api.ask("GET", "/api/sessions");
  const head = await still.api.ask("HEAD", "/api/sessions");
  strictEqual(head.status, 200);
  strictEqual(head.headers.get("content-length"), String((await get.text()).length));
  strictEqual(await head.text(), "");
  // A stream that nobody reads must not go on; the sanitizer sees a timer that does.
  const stream = await still.api.ask("HEAD", "/api/permissions/events");
  strictEqual(stream.headers.get("content-type"), "text/event-stream");
  strictEqual(stream.headers.has("content-length"), false);
});

Deno.test("createApp() keeps its answers from being guessed at, framed and kept", async () => {
  await using still = new Still();
  for (const path of ["/api/sessions", "/nothing", "/", "/docs"]) {
    const { headers, body } = await still.api.ask("GET", path);
    await body?.cancel();
    strictEqual(headers.get("x-content-type-options"), "nosniff", path);
    strictEqual(headers.get("referrer-policy"), "no-referrer", path);
    strictEqual(headers.get("cross-origin-resource-policy"), "same-origin", path);
    match(
      headers.get("content-security-policy") ?? "",
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    match(headers.get("cache-control") ?? "", /no-store|no-cache/, path);
    strictEqual(headers.has("access-control-allow-origin"), false, path);
  }
});

Deno.test("every documented operation wants the key, but /health", async () => {
  await using still = new Still({ apiKey: KEY });
  const { body: document } = await still.api.json("GET", "/openapi.json", undefined, {
    authorization: `Bearer ${KEY}`,
  });
  deepStrictEqual(document.security, [{ bearer: [] }, { header: [] }]);
  let asked = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods as object)) {
      const response = await still.api.ask(method.toUpperCase(), `/api${path}`);
      await response.body?.cancel();
      const open = path === "/health";
      strictEqual(response.status, open ? 200 : 401, `${method} ${path}`);
      strictEqual(response.headers.has("www-authenticate"), !open);
      asked++;
    }
  }
  ok(asked > 25, String(asked));
  for (const path of ["/mcp", "/nothing", "/openapi.json"]) {
    strictEqual((await still.api.json("GET", path)).status, 401, path);
  }
  for (const path of ["/", "/docs", "/api/health"]) {
    const response = await still.api.ask("GET", path);
    await response.body?.cancel();
    strictEqual(response.status, 200, path);
  }
});

Deno.test("a key that is guessed wrong too often gets 429 with Retry-After", async () => {
  await using still = new Still({ apiKey: KEY });
  const guess = { "authorization": "Bearer wrong-wrong", "x-forwarded-for": "192.0.2.1" };
  let response = new Response();
  for (let n = 0; n < 21; n++) {
    await response.body?.cancel();
    response = await still.api.ask("GET", "/sessions", undefined, guess);
  }
  strictEqual(response.status, 429);
  match(response.headers.get("retry-after") ?? "", /^([1-9]|[1-5]\d|60)$/);
  const text = await response.text();
  ok(!text.includes("wrong-wrong") && !text.includes(KEY), text);
});

Deno.test("foreign pages can neither change nor read anything", async () => {
  await using still = new Still();
  const foreign = { origin: "https://evil.example", host: "server.example" };
  const { status, body } = await still.api.json(
    "POST",
    "/api/sessions?prompt=x",
    undefined,
    foreign,
  );
  strictEqual(status, 403);
  match(body.detail, /evil\.example.*--cors-origin/);
  const read = await still.api.ask("GET", "/api/sessions", undefined, foreign);
  strictEqual(read.status, 200);
  strictEqual(read.headers.has("access-control-allow-origin"), false);
  await read.body?.cancel();
  const preflight = await still.api.ask("OPTIONS", "/api/sessions", undefined, foreign);
  strictEqual(preflight.headers.has("access-control-allow-methods"), false);
  // What a page may send without asking: the formats of forms.
  for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
    const sent = await still.api.json("POST", "/sessions", '{"prompt":"x"}', {
      "content-type": type,
    });
    strictEqual(sent.status, 415, type);
  }
});

Deno.test("pages of --cors-origin may use the API", async () => {
  await using still = new Still({ corsOrigins: [ORIGIN], apiKey: KEY });
  const preflight = await still.api.ask("OPTIONS", "/api/sessions", undefined, {
    origin: ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  });
  strictEqual(preflight.status, 204);
  strictEqual(preflight.headers.get("access-control-allow-origin"), ORIGIN);
  strictEqual(preflight.headers.get("access-control-allow-methods"), "GET, HEAD, OPTIONS, POST");
  match(preflight.headers.get("access-control-allow-headers") ?? "", /Authorization, Content-Type/);
  strictEqual(preflight.headers.has("access-control-allow-credentials"), false);
  const answer = await still.api.json("POST", "/api/sessions", {}, {
    origin: ORIGIN,
    authorization: `Bearer ${KEY}`,
  });
  strictEqual(answer.status, 400);
  // Also of a refusal the page must be able to read why.
  const refused = await still.api.ask("GET", "/api/sessions", undefined, { origin: ORIGIN });
  strictEqual(refused.status, 401);
  strictEqual(refused.headers.get("access-control-allow-origin"), ORIGIN);
  await refused.body?.cancel();
});

Deno.test("bodies that are too long, malformed or of another format are refused", async () => {
  await using still = new Still({ limits: { ...DEFAULT_LIMITS, body: 1000 } });
  const big = JSON.stringify({ prompt: "x".repeat(1000) });
  strictEqual((await still.api.json("POST", "/sessions", big)).status, 413);
  const chunked = await still.api.app.request("/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new Blob([big]).stream(),
  });
  strictEqual(chunked.status, 413);
  await chunked.body?.cancel();
  for (const path of ["/sessions", "/permissions/notify", "/permissions/x/decision"]) {
    strictEqual((await still.api.json("POST", path, "{")).status, 400, path);
    strictEqual((await still.api.json("POST", path, '"x"')).status, 400, path);
    const xml = { "content-type": "application/xml" };
    strictEqual((await still.api.json("POST", path, "<a/>", xml)).status, 415, path);
  }
});

Deno.test("parameters that are wrong are named", async () => {
  await using still = new Still();
  const cases: [string, string[]][] = [
    ["/sessions?limit=0&status=gone", ["status", "limit"]],
    ["/sessions?limit=501", ["limit"]],
    ["/sessions?limit=", ["limit"]],
    ["/sessions?limit=1e2", ["limit"]],
    ["/sessions?limit=1&limit=2", ["limit"]],
    ["/sessions?offset=-1", ["offset"]],
    ["/permissions?status=maybe", ["status"]],
    ["/sessions/x?from_line=0&format=xml", ["from_line", "format"]],
  ];
  for (const [path, fields] of cases) {
    const { status, body } = await still.api.json("GET", path);
    strictEqual(status, 400, path);
    deepStrictEqual(body.errors.map(({ field }: { field: string }) => field), fields, path);
  }
});

Deno.test("what nobody expected is a 500 that tells no more than an id", async () => {
  const broken = {
    projects: () => Promise.reject(new Error("the secret is 42")),
  } as unknown as History;
  await using still = new Still({}, new Map([["claude", broken]]));
  const { status, body } = await still.api.json("GET", "/api/claude/projects");
  strictEqual(status, 500);
  match(body.id, /^[0-9a-f-]{36}$/);
  ok(body.detail.includes(body.id));
  ok(!JSON.stringify(body).includes("secret"));
});

Deno.test("the document describes what there is, and is the same at both places", async () => {
  await using still = new Still();
  const { body: document } = await still.api.json("GET", "/api/openapi.json");
  deepStrictEqual((await still.api.json("GET", "/openapi.json")).body, document);
  strictEqual(document.openapi, "3.1.1");
  deepStrictEqual(document.security, []);
  for (const [path, methods] of Object.entries(document.paths)) {
    // deno-lint-ignore no-explicit-any -- an operation
    for (const [method, one] of Object.entries(methods as Record<string, any>)) {
      const where = `${method} ${path}`;
      ok(one.summary, where);
      ok(one.tags?.length === 1, where);
      ok(one.responses[500], where);
      if (method !== "get") ok(one.responses[403] && one.responses[415], where);
      const status = /^\/(health)$/.test(path) ? 200 : 400;
      ok(one.responses[status], where);
    }
  }
});

Deno.test("apps with one gate share what it knows of guesses", async () => {
  await using still = new Still({ apiKey: KEY });
  const gate = new Gate(still.deps.config);
  const one = new Api(createApp(still.deps, gate));
  const other = new Api(createMcpApp(still.deps, gate));
  const wrong = { authorization: "Bearer wrong-wrong", host: "localhost" };
  for (let n = 0; n < 20; n++) await one.json("GET", "/sessions", undefined, wrong);
  strictEqual((await other.json("GET", "/mcp", undefined, wrong)).status, 429);
  strictEqual((await still.api.json("GET", "/sessions", undefined, wrong)).status, 401);
});
