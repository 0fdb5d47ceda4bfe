/**
 * Anthropic's Messages: Claude Code.
 *
 * @see {@link https://docs.anthropic.com/en/api/messages | Messages}
 * @module
 */

import { z } from "zod";
import type { Part } from "./plan.ts";
import { event, Malformed, paired, type Protocol, resultOf } from "./protocol.ts";
import { schemaType, sinceModel } from "./protocol.ts";

const Text = z.object({ type: z.literal("text"), text: z.string() });
const Image = z.object({
  type: z.literal("image"),
  source: z.object({
    type: z.literal("base64"),
    media_type: z.enum(["image/png", "image/jpeg", "image/gif", "image/webp"]),
    data: z.base64().min(1),
  }),
});
const Call = z.object({
  type: z.literal("tool_use"),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
});
/** Kinds that say nothing to the stub. */
const Other = z.object({
  type: z.enum(["thinking", "redacted_thinking", "document", "tool_reference"]),
});
const Result = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string().min(1),
  content: z.union([z.string(), z.array(z.union([Text, Image, Other]))]).default(""),
});
const Block = z.union([Text, Image, Call, Result, Other]);
const Message = z.object({
  // Claude Code has reminders of a role of their own.
  role: z.enum(["user", "assistant", "system"]),
  content: z.union([z.string().min(1), z.array(Block).min(1)]),
});
const Request = z.object({
  model: z.string().min(1),
  max_tokens: z.int().positive(),
  stream: z.boolean().default(false),
  messages: z.array(Message).min(1),
  tools: z.array(z.object({ name: z.string().min(1), input_schema: schemaType.optional() }))
    .default([]),
});

const CACHE = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const USAGE = { input_tokens: 10, output_tokens: 1, ...CACHE };

/** See the module. */
export const anthropic: Protocol = {
  name: "anthropic",
  path: /\/messages$/,

  read(_path, body) {
    const request = Request.parse(body);
    if (request.messages[0]!.role === "assistant") throw new Malformed("the model cannot begin");
    const blocks = request.messages.flatMap(({ content }) => blocksOf(content));
    paired(
      blocks.flatMap((block) => block.type === "tool_use" ? [block.id] : []),
      blocks.flatMap((block) => block.type === "tool_result" ? [block.tool_use_id] : []),
    );
    return {
      model: request.model,
      stream: request.stream,
      tools: request.tools.map(({ name, input_schema = {} }) => ({ name, schema: input_schema })),
      parts: sinceModel(request.messages, ({ role }) => role === "assistant")
        .flatMap(({ content }) => blocksOf(content).flatMap(partsOf)),
    };
  },

  async *stream({ model }, answer, spoken, ids) {
    const send = (data: { type: string; [field: string]: unknown }) => event(data, data.type);
    const message = { ...empty(ids("msg"), model), usage: USAGE };
    yield send({ type: "message_start", message });
    yield send({ type: "content_block_start", index: 0, content_block: textBlock("") });
    for await (const text of spoken) {
      yield send({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
    }
    yield send({ type: "content_block_stop", index: 0 });
    if (answer.kind === "call") {
      const block = { type: "tool_use", id: ids("toolu"), name: answer.tool.name, input: {} };
      const delta = { type: "input_json_delta", partial_json: JSON.stringify(answer.input) };
      yield send({ type: "content_block_start", index: 1, content_block: block });
      yield send({ type: "content_block_delta", index: 1, delta });
      yield send({ type: "content_block_stop", index: 1 });
    }
    const delta = { stop_reason: reason(answer.kind), stop_sequence: null };
    yield send({ type: "message_delta", delta, usage: { output_tokens: 12 } });
    yield send({ type: "message_stop" });
  },

  whole({ model }, answer, text, ids) {
    const content: unknown[] = [textBlock(text)];
    if (answer.kind === "call") {
      content.push({
        type: "tool_use",
        id: ids("toolu"),
        name: answer.tool.name,
        input: answer.input,
      });
    }
    const message = empty(ids("msg"), model);
    return { ...message, content, stop_reason: reason(answer.kind), usage: USAGE };
  },

  failure(status, message) {
    return { type: "error", error: { type: ERRORS[status] ?? "api_error", message } };
  },
};

const ERRORS: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

function blocksOf(content: string | z.infer<typeof Block>[]): z.infer<typeof Block>[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function partsOf(block: z.infer<typeof Block>): Part[] {
  switch (block.type) {
    case "text":
      return [{ kind: "text", text: block.text }];
    case "image":
      return [{ kind: "image", mediaType: block.source.media_type }];
    case "tool_result":
      return resultOf(blocksOf(block.content).flatMap(partsOf));
    default:
      return [];
  }
}

function empty(id: string, model: string) {
  return { id, type: "message", role: "assistant", model, content: [], stop_reason: null };
}

function textBlock(text: string) {
  return { type: "text", text };
}

function reason(kind: "say" | "call"): string {
  return kind === "call" ? "tool_use" : "end_turn";
}
