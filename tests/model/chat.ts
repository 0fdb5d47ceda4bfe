/**
 * OpenAI's Chat Completions: Qwen Code, opencode, Copilot.
 *
 * @see {@link https://platform.openai.com/docs/api-reference/chat | Chat Completions}
 * @module
 */

import { z } from "zod";
import type { Part } from "./plan.ts";
import { type Answer, event, type Ids, Malformed, paired, type Protocol } from "./protocol.ts";
import { imageOf, imageUrl, resultOf, schemaType, sinceModel } from "./protocol.ts";

const Content = z.union([
  z.string(),
  z.array(z.union([
    z.object({ type: z.literal("text"), text: z.string() }),
    z.object({
      type: z.literal("image_url"),
      image_url: z.object({ url: imageUrl }),
    }),
  ])),
]);
const Call = z.object({
  id: z.string().min(1),
  type: z.literal("function"),
  function: z.object({ name: z.string().min(1), arguments: z.string() }),
});
const Message = z.discriminatedUnion("role", [
  z.object({ role: z.enum(["system", "developer"]), content: Content }),
  z.object({ role: z.literal("user"), content: Content }),
  z.object({
    role: z.literal("assistant"),
    content: Content.nullish(),
    tool_calls: z.array(Call).optional(),
  }),
  z.object({ role: z.literal("tool"), tool_call_id: z.string().min(1), content: Content }),
]);
const Request = z.object({
  model: z.string().min(1),
  stream: z.boolean().default(false),
  messages: z.array(Message).min(1),
  tools: z.array(z.object({
    type: z.literal("function"),
    function: z.object({ name: z.string().min(1), parameters: schemaType.optional() }),
  })).default([]),
});

const USAGE = { prompt_tokens: 10, completion_tokens: 12, total_tokens: 22 };

/** See the module. */
export const chat: Protocol = {
  name: "chat",
  path: /\/chat\/completions$/,

  read(_path, body) {
    const { model, stream, messages, tools } = Request.parse(body);
    paired(
      messages.flatMap((one) => one.role === "assistant" ? one.tool_calls ?? [] : [])
        .map((call) => {
          if (!isObject(call.function.arguments)) {
            throw new Malformed(`the arguments of ${call.id} are no JSON object`);
          }
          return call.id;
        }),
      messages.flatMap((one) => one.role === "tool" ? [one.tool_call_id] : []),
    );
    return {
      model,
      stream,
      tools: tools.map(({ function: { name, parameters = {} } }) => ({ name, schema: parameters })),
      parts: sinceModel(messages, ({ role }) => role === "assistant").flatMap(partsOf),
    };
  },

  async *stream({ model }, answer, spoken, ids) {
    const base = { id: ids("chatcmpl"), object: "chat.completion.chunk", created: 0, model };
    const send = (delta: unknown, finish_reason: string | null = null) =>
      event({ ...base, choices: [{ index: 0, delta, finish_reason }] });
    yield send({ role: "assistant", content: "" });
    for await (const content of spoken) yield send({ content });
    if (answer.kind === "call") yield send({ tool_calls: [{ index: 0, ...call(answer, ids) }] });
    yield send({}, reason(answer));
    yield event({ ...base, choices: [], usage: USAGE });
    yield "data: [DONE]\n\n";
  },

  whole({ model }, answer, text, ids) {
    const calls = answer.kind === "call" ? { tool_calls: [call(answer, ids)] } : {};
    const message = { role: "assistant", content: text, ...calls };
    return {
      id: ids("chatcmpl"),
      object: "chat.completion",
      created: 0,
      model,
      choices: [{ index: 0, message, finish_reason: reason(answer) }],
      usage: USAGE,
    };
  },

  failure(status, message) {
    return { error: { message, type: "stub_error", code: String(status) } };
  },
};

function partsOf({ role, content }: z.infer<typeof Message>): Part[] {
  if (role !== "user" && role !== "tool") return [];
  const parts = typeof content === "string"
    ? [{ kind: "text" as const, text: content }]
    : content.map((one): Part =>
      one.type === "text" ? { kind: "text", text: one.text } : imageOf(one.image_url.url)
    );
  return role === "user" ? parts : resultOf(parts);
}

function isObject(json: string): boolean {
  try {
    const value = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function reason({ kind }: Answer): string {
  return kind === "call" ? "tool_calls" : "stop";
}

function call({ tool, input }: Answer & { kind: "call" }, ids: Ids) {
  return {
    id: ids("call"),
    type: "function",
    function: { name: tool.name, arguments: JSON.stringify(input) },
  };
}
