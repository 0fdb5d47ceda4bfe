import { deepEqual, equal } from "node:assert/strict";
import { peerTest } from "../peers.ts";
import { ask, type Json, LOOPBACK, refusals, send, stream } from "./ask.ts";
import { DONE, HELLO, startModel } from "./mod.ts";

const PATH = "/v1/messages";
const BASH = {
  name: "Bash",
  input_schema: {
    type: "object",
    properties: { command: { type: "string" }, timeout: { type: "number" } },
    required: ["command"],
  },
};
const CALL = { type: "tool_use", id: "toolu_1", name: "Bash", input: { command: "true" } };
const RESULT = { type: "tool_result", tool_use_id: "toolu_1", content: "it ran" };

function request(content: unknown, more: object = {}) {
  const messages = [{ role: "user", content }];
  return { model: "claude-x", max_tokens: 100, stream: true, tools: [BASH], messages, ...more };
}

function conversation(...contents: unknown[]) {
  const messages = contents.map((content, i) => ({ role: i % 2 ? "assistant" : "user", content }));
  return request("", { messages });
}

peerTest({ name: "anthropic: text is streamed", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const events = await stream(model, PATH, request("hi"));
  const types = ["message_start", "content_block_start", "content_block_delta"];
  const end = ["content_block_delta", "content_block_stop", "message_delta", "message_stop"];
  deepEqual(events.map(({ event }) => event), [...types, ...end]);
  const data: Json[] = events.map(({ data }) => JSON.parse(data));
  deepEqual(data.map(({ type }) => type), [...types, ...end]);
  equal(data.map(({ delta }) => delta?.text ?? "").join(""), HELLO);
  equal(data[0].message.model, "claude-x");
  equal(data.at(-2).delta.stop_reason, "end_turn");
});

peerTest(
  { name: "anthropic: a tool is called, and its result read", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const data: Json[] = (await stream(model, PATH, request("[[tool:ls -l]]")))
      .map(({ data }) => JSON.parse(data));
    const start = data.find(({ content_block }) => content_block?.type === "tool_use");
    equal(start.content_block.name, "Bash");
    const json = data.find(({ delta }) => delta?.type === "input_json_delta");
    equal(json.index, start.index);
    deepEqual(JSON.parse(json.delta.partial_json), { command: "ls -l" });
    equal(data.at(-2).delta.stop_reason, "tool_use");

    const reminder = { type: "text", text: "<system-reminder>…</system-reminder>" };
    const after = { ...conversation("[[tool:x]]", [CALL], [RESULT, reminder]), stream: false };
    equal((await ask(model, PATH, after)).content[0].text, DONE);
    deepEqual(model.requests.at(-1)?.results, ["it ran"]);
  },
);

peerTest({ name: "anthropic: images, and text in blocks", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const source = { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" };
  const content = [{ type: "text", text: "[[say:seen]]" }, { type: "image", source }];
  const { content: [{ text }] } = await ask(model, PATH, request(content, { stream: false }));
  equal(text, "seen");
  deepEqual(model.requests, [{
    protocol: "anthropic",
    path: PATH,
    model: "claude-x",
    stream: false,
    tools: ["Bash"],
    prompt: "[[say:seen]]",
    results: [],
    images: ["image/png"],
    aborted: false,
  }]);
});

peerTest(
  { name: "anthropic: what the service refuses is refused", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "?" } };
    const answers = await refusals(model, PATH, [
      "no JSON",
      {},
      request([]),
      request([image]),
      request([{ type: "text" }]),
      request("hi", { max_tokens: 0 }),
      request("[[error:soon]]"),
      conversation("hi", [CALL], "never mind"),
      conversation("hi", "hello", [RESULT]),
    ]);
    for (const { type, error } of answers) {
      deepEqual([type, error.type], ["error", "invalid_request_error"]);
    }
  },
);

peerTest(
  { name: "anthropic: an error that the prompt asks for", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    for (const [status, type] of [[401, "authentication_error"], [529, "overloaded_error"]]) {
      const response = await send(model, PATH, request(`[[error:${status}]]`));
      equal(response.status, status);
      equal((await response.json()).error.type, type);
    }
  },
);
