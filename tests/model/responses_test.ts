import { deepEqual, equal } from "node:assert/strict";
import { peerTest } from "../peers.ts";
import { ask, type Json, LOOPBACK, refusals, send, stream } from "./ask.ts";
import { DONE, HELLO, startModel } from "./mod.ts";

const PATH = "/v1/responses";
const EXEC = {
  type: "function",
  name: "exec_command",
  parameters: { type: "object", properties: { cmd: { type: "string" } }, required: ["cmd"] },
};
const CALL = { type: "function_call", call_id: "call_1", name: "exec_command", arguments: "{}" };
const RESULT = { type: "function_call_output", call_id: "call_1", output: "it ran" };

function said(text: string, role = "user") {
  const type = role === "assistant" ? "output_text" : "input_text";
  return { type: "message", role, content: [{ type, text }] };
}

function request(input: unknown, more: object = {}) {
  return { model: "gpt-x", stream: true, tools: [EXEC], input, ...more };
}

peerTest({ name: "responses: text is streamed", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const events = await stream(model, PATH, request([said("hi"), said("reminder", "developer")]));
  const data: Json[] = events.map(({ data }) => JSON.parse(data));
  deepEqual(data.map(({ type }) => type), [
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_item.done",
    "response.completed",
  ]);
  deepEqual(events.map(({ event }) => event), data.map(({ type }) => type));
  deepEqual(data.map(({ sequence_number }) => sequence_number), [...data.keys()]);
  equal(data.map(({ type, delta }) => /delta$/.test(type) ? delta : "").join(""), HELLO);
  equal(data.at(-1).response.output[0].content[0].text, HELLO);
  equal(data.at(-1).response.status, "completed");
});

peerTest(
  { name: "responses: a tool is called, and its result read", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const data: Json[] = (await stream(model, PATH, request([said("[[tool:ls -l]]")])))
      .map(({ data }) => JSON.parse(data));
    const { item } = data.find(({ type }) => type === "response.output_item.done");
    deepEqual([item.type, item.name], ["function_call", "exec_command"]);
    deepEqual(JSON.parse(item.arguments), { cmd: "ls -l" });

    const input = [said("[[tool:x]]"), CALL, RESULT];
    const { output } = await ask(model, PATH, request(input, { stream: false }));
    equal(output[0].content[0].text, DONE);
    deepEqual(model.requests.at(-1)?.results, ["it ran"]);
  },
);

peerTest(
  { name: "responses: tools of MCP servers, and images", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const inner = { type: "function", name: "start_session", parameters: { type: "object" } };
    const tools = [EXEC, { type: "namespace", name: "mcp__arp", tools: [inner] }, {
      type: "web_search",
    }];
    const image = { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" };
    const text = { type: "input_text", text: '[[mcp:start_session {"prompt":"hi"}]]' };
    const input = [{ type: "message", role: "user", content: [text, image] }];
    const { output: [call] } = await ask(model, PATH, request(input, { tools, stream: false }));
    deepEqual([call.namespace, call.name], ["mcp__arp", "start_session"]);
    deepEqual(JSON.parse(call.arguments), { prompt: "hi" });
    deepEqual(model.requests[0]?.images, ["image/png"]);
    deepEqual(model.requests[0]?.tools, ["exec_command", "start_session", "web_search"]);
  },
);

peerTest(
  { name: "responses: what the service refuses is refused", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const image = { type: "input_image", image_url: "picture.png" };
    const answers = await refusals(model, PATH, [
      "no JSON",
      {},
      request([]),
      request([{ type: "message", role: "user", content: [image] }]),
      request([{ type: "message", role: "nobody", content: "hi" }]),
      request([said("hi")], { tools: [{ type: "function" }] }),
      request([said("hi"), CALL]),
      request([said("hi"), RESULT]),
    ]);
    for (const { error } of answers) equal(error.code, "400");
  },
);

peerTest(
  { name: "responses: an error that the prompt asks for", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const response = await send(model, PATH, request([said("[[error:503]]")]));
    equal(response.status, 503);
    equal((await response.json()).error.code, "503");
  },
);
