import { deepEqual, equal } from "node:assert/strict";
import { peerTest } from "../peers.ts";
import { ask, type Json, LOOPBACK, refusals, send, stream } from "./ask.ts";
import { DONE, HELLO, startModel } from "./mod.ts";

const PATH = "/v1/chat/completions";
const parameters = {
  type: "object",
  properties: { command: { type: "string" }, is_background: { type: "boolean" } },
  required: ["command", "is_background"],
};
const SHELL = { type: "function", function: { name: "run_shell_command", parameters } };
const USER = { role: "user", content: "[[tool:ls -l]]" };
const CALL = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "call_1", type: "function", function: { name: "x", arguments: "{}" } }],
};
const RESULT = { role: "tool", tool_call_id: "call_1", content: "it ran" };

function request(messages: unknown, more: object = {}) {
  return { model: "stub-model", stream: true, tools: [SHELL], messages, ...more };
}

peerTest({ name: "chat: text is streamed", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const events = await stream(model, PATH, request([{ role: "user", content: "hi" }]));
  deepEqual(new Set(events.map(({ event }) => event)), new Set(["message"]));
  equal(events.pop()?.data, "[DONE]");
  const data: Json[] = events.map(({ data }) => JSON.parse(data));
  equal(data.pop().usage.total_tokens, 22);
  const choices = data.map((one) => one.choices[0]);
  equal(choices[0].delta.role, "assistant");
  equal(choices.map(({ delta }) => delta.content ?? "").join(""), HELLO);
  deepEqual(choices.map((one) => one.finish_reason).filter(Boolean), ["stop"]);
});

peerTest(
  { name: "chat: a tool is called, and its result read", permissions: LOOPBACK },
  async () => {
    await using model = startModel();
    const data: Json[] = (await stream(model, PATH, request([USER])))
      .filter(({ data }) => data !== "[DONE]").map(({ data }) => JSON.parse(data));
    const [call] = data.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    equal(call.function.name, "run_shell_command");
    // What the schema insists on is there as well.
    deepEqual(JSON.parse(call.function.arguments), { command: "ls -l", is_background: false });
    equal(data.at(-2).choices[0].finish_reason, "tool_calls");

    const { choices } = await ask(model, PATH, request([USER, CALL, RESULT], { stream: false }));
    equal(choices[0].message.content, DONE);
    deepEqual(model.requests.at(-1)?.results, ["it ran"]);
  },
);

peerTest({ name: "chat: images, and requests without tools", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const image = { type: "image_url", image_url: { url: "data:image/jpeg;base64,/9j/4A==" } };
  const content = [{ type: "text", text: "a title for: [[slow:600]]" }, image];
  const aside = request([{ role: "user", content }], { tools: undefined, stream: false });
  const { choices } = await ask(model, PATH, aside);
  equal(choices[0].message.content, HELLO);
  deepEqual(model.requests[0]?.images, ["image/jpeg"]);
});

peerTest({ name: "chat: what the service refuses is refused", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const broken = structuredClone(CALL);
  broken.tool_calls[0]!.function.arguments = "{";
  const answers = await refusals(model, PATH, [
    "no JSON",
    {},
    request([]),
    request([{ role: "user" }]),
    request([{ role: "nobody", content: "hi" }]),
    request([USER, CALL, { role: "user", content: "never mind" }]),
    request([USER, RESULT]),
    request([USER, broken, RESULT]),
  ]);
  for (const { error } of answers) equal(error.code, "400");
});

peerTest({ name: "chat: an error that the prompt asks for", permissions: LOOPBACK }, async () => {
  await using model = startModel();
  const messages = [{ role: "user", content: "[[error:429]]" }];
  const response = await send(model, PATH, request(messages));
  equal(response.status, 429);
  equal((await response.json()).error.code, "429");
});
