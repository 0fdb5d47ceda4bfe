import { deepEqual, equal } from "node:assert/strict";
import { peerTest } from "../peers.ts";
import { ask, type Json, LOOPBACK, refusals, send, stream } from "./ask.ts";
import { DONE, HELLO, startModel } from "./mod.ts";

const WHOLE = "/v1beta/models/gemini-x:generateContent";
const STREAM = "/v1beta/models/gemini-x:streamGenerateContent?alt=sse";
const parametersJsonSchema = {
  type: "object",
  properties: { command: { type: "string" } },
  required: ["command"],
};
const SHELL = { name: "run_shell_command", parametersJsonSchema };
const CALL = { role: "model", parts: [{ functionCall: { name: "x", args: {} } }] };
const RESULT = {
  role: "user",
  parts: [{ functionResponse: { name: "x", response: { output: "it ran" } } }],
};

function said(text: string, role = "user") {
  return { role, parts: [{ text }] };
}

function request(contents: unknown, more: object = {}) {
  return { contents, tools: [{ functionDeclarations: [SHELL] }], ...more };
}

peerTest({ name: "gemini: text is streamed", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const events = await stream(model, STREAM, request([said("hi")]));
  deepEqual(new Set(events.map(({ event }) => event)), new Set(["message"]));
  const candidates: Json[] = events.map(({ data }) => JSON.parse(data).candidates[0]);
  equal(candidates.map(({ content }) => content.parts[0].text).join(""), HELLO);
  deepEqual(candidates.map((one) => one.finishReason).filter(Boolean), ["STOP"]);
  deepEqual([model.requests[0]?.model, model.requests[0]?.stream], ["gemini-x", true]);
});

peerTest(
  { name: "gemini: a tool is called, and its result read", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const events = await stream(model, STREAM, request([said("[[tool:ls -l]]")]));
    const parts: Json[] = events.flatMap(({ data }) =>
      JSON.parse(data).candidates[0].content.parts
    );
    const { functionCall } = parts.find((part) => part.functionCall);
    deepEqual(functionCall, { name: "run_shell_command", args: { command: "ls -l" } });

    const { candidates } = await ask(model, WHOLE, request([said("x"), CALL, RESULT]));
    equal(candidates[0].content.parts[0].text, DONE);
    deepEqual(model.requests.at(-1)?.results, ['{"output":"it ran"}']);
  },
);

peerTest(
  { name: "gemini: an answer in JSON, as its schema wants it", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const responseJsonSchema = {
      type: "object",
      properties: {
        reasoning: { type: "string" },
        model: { type: "string", enum: ["flash", "pro"] },
        unasked: { type: "string" },
      },
      required: ["reasoning", "model"],
    };
    const body = request([said("Which? [[tool:x]]")], { generationConfig: { responseJsonSchema } });
    const { candidates } = await ask(model, WHOLE, body);
    const answer = JSON.parse(candidates[0].content.parts[0].text);
    deepEqual(answer, { reasoning: "stub", model: "flash" });
  },
);

peerTest({ name: "gemini: images, and counting", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const parts = [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }];
  await ask(model, WHOLE, request([{ role: "user", parts }]));
  deepEqual(model.requests[0]?.images, ["image/png"]);
  const counted = await ask(model, "/v1beta/models/gemini-x:countTokens", { contents: [] });
  deepEqual(counted, { totalTokens: 10 });
});

peerTest(
  { name: "gemini: what the service refuses is refused", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const answers = await refusals(model, WHOLE, [
      "no JSON",
      {},
      request([]),
      request([{ role: "assistant", parts: [{ text: "hi" }] }]),
      request([{ role: "user", parts: [] }]),
      request([{ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: "?" } }] }]),
      request([said("x"), CALL, said("never mind")]),
      request([said("x"), RESULT]),
    ]);
    for (const { error } of answers) equal(error.status, "INVALID_ARGUMENT");
  },
);

peerTest({ name: "gemini: an error that the prompt asks for", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const response = await send(model, WHOLE, request([said("[[error:401]]")]));
  equal(response.status, 401);
  equal((await response.json()).error.status, "UNAUTHENTICATED");
});
