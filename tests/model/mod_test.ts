import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { peerTest } from "../peers.ts";
import { readEvents } from "../sse.ts";
import { ask, LOOPBACK, send } from "./ask.ts";
import { chunk, DONE, HELLO, startModel } from "./mod.ts";
import { type Part, type Plan, plan } from "./plan.ts";

const PATH = "/v1/chat/completions";
const TOOLS = [{ type: "function", function: { name: "bash" } }];

function request(content: string, stream = true) {
  return { model: "x", stream, tools: TOOLS, messages: [{ role: "user", content }] };
}

peerTest({ name: "model: a client that leaves is noticed", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const leaving = new AbortController();
  const response = await send(model, PATH, request("[[slow:600]]"), { signal: leaving.signal });
  const said: string[] = [];
  await rejects(async () => {
    for await (const { data } of readEvents(response.body!)) {
      said.push(JSON.parse(data).choices[0].delta.content);
      if (said.length === 3) leaving.abort();
    }
  }, { name: "AbortError" });
  deepEqual(said, ["", chunk(0), chunk(1)]);
  const { prompt } = await model.aborted();
  equal(prompt, "[[slow:600]]");
});

peerTest({ name: "model: it ends in the middle of an answer", permissions: LOOPBACK }, async () => {
  const model = startModel();
  const response = await send(model, PATH, request("[[slow:600]]"));
  const reader = response.body!.getReader();
  await reader.read();
  await model[Symbol.asyncDispose]();
  await rejects(async () => {
    while (!(await reader.read()).done);
  });
});

peerTest({ name: "model: requests can be awaited", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const second = model.request(({ prompt }) => prompt === "second");
  const later = model.request(() => true, 1);
  await ask(model, PATH, request("first", false));
  await ask(model, PATH, request("second", false));
  equal((await second).prompt, "second");
  equal(await later, await second);
  equal((await model.request()).prompt, "first");
});

peerTest(
  { name: "model: a test with a refused request fails", permissions: LOOPBACK },
  async () => {
    const model = startModel();
    const response = await fetch(model.url + PATH, { method: "POST", body: "{}" });
    equal(response.status, 401);
    match((await response.json()).error.message, /no key/);
    await rejects(async () => await model[Symbol.asyncDispose](), /refused: .*no key/);
  },
);

peerTest({ name: "model: what is asked beside", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  deepEqual(await ask(model, "/v1/messages/count_tokens", {}), { input_tokens: 10 });
  const models = await fetch(`${model.url}/v1/models`);
  equal((await models.json()).data[0].id, "stub-model");
  for (const path of ["/", "/v1/nothing"]) {
    const response = await fetch(model.url + path);
    equal(response.status, 404);
    await response.body?.cancel();
  }
  deepEqual(model.requests, []);
});

Deno.test("model: whatever is said, there is a plan or a reason why not", () => {
  const words = [
    "[[",
    "]]",
    ":",
    "say",
    "tool",
    "slow",
    "error",
    "mcp",
    "bash",
    "{",
    "1",
    " ",
    "x",
  ];
  const text = fc.array(fc.constantFrom(...words)).map((all) => all.join(""));
  const tools = [{ name: "bash", schema: {} }];
  fc.assert(fc.property(text, fc.boolean(), (text, ran) => {
    const parts: Part[] = [{ kind: "text", text }];
    if (ran) parts.unshift({ kind: "result", text: "" });
    const directive = /\[\[(say|tool|slow|error|mcp):.*?\]\]/.test(text);
    let made: Plan;
    try {
      made = plan({ model: "", stream: true, tools, parts });
    } catch (error) {
      ok(directive && (error instanceof SyntaxError || error instanceof RangeError));
      return;
    }
    if (made.kind === "call") equal(made.tool.name, "bash");
    if (made.kind === "fail") ok(made.status >= 400);
    if (!directive) equal(made.kind === "say" && made.chunks.join(""), ran ? DONE : HELLO);
  }));
});
