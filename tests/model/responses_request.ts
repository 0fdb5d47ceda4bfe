/**
 * What OpenAI's Responses take.
 *
 * @module
 */

import { z } from "zod";
import type { Part, Tool, Turn } from "./plan.ts";
import { imageOf, imageUrl, paired, resultOf, schemaType, sinceModel } from "./protocol.ts";

const Content = z.union([
  z.object({ type: z.enum(["input_text", "output_text"]), text: z.string() }),
  z.object({
    type: z.literal("input_image"),
    image_url: imageUrl,
  }),
]);
const Message = z.object({
  type: z.literal("message").default("message"),
  role: z.enum(["user", "assistant", "developer", "system"]),
  content: z.union([z.string(), z.array(Content)]),
});
const Call = z.object({
  type: z.enum(["function_call", "custom_tool_call", "local_shell_call"]),
  call_id: z.string().min(1),
});
const Result = z.object({
  type: z.enum(["function_call_output", "custom_tool_call_output"]),
  call_id: z.string().min(1),
  output: z.union([z.string(), z.array(Content)]),
});
const Other = z.object({ type: z.enum(["reasoning", "compaction", "item_reference"]) });
const Function = z.object({
  type: z.literal("function"),
  name: z.string().min(1),
  parameters: schemaType.nullish(),
});
const Offer = z.union([
  Function,
  // The tools of an MCP server.
  z.object({ type: z.literal("namespace"), name: z.string(), tools: z.array(Function) }),
  z.object({ type: z.string().regex(/^(?!(function|namespace)?$)/), name: z.string().optional() }),
]);
const Request = z.object({
  model: z.string().min(1),
  stream: z.boolean().default(false),
  input: z.array(z.union([Call, Result, Other, Message])).min(1),
  tools: z.array(Offer).default([]),
});
type Item = z.infer<typeof Request>["input"][number];

/**
 * Understands a request.
 *
 * @throws {Malformed | z.ZodError} when the real service would refuse it.
 */
export function readResponses(body: unknown): Turn {
  const { model, stream, input, tools } = Request.parse(body);
  paired(
    input.flatMap((item) => "call_id" in item && /_call$/.test(item.type) ? [item.call_id] : []),
    input.flatMap((item) => "output" in item ? [item.call_id] : []),
  );
  return {
    model,
    stream,
    tools: tools.flatMap(toolsOf),
    parts: sinceModel(input, isModel).flatMap(partsOf),
  };
}

function isModel(item: Item): boolean {
  return ("role" in item && item.role === "assistant") || /_call$|^reasoning$/.test(item.type);
}

function partsOf(item: Item): Part[] {
  if ("output" in item) return resultOf(contentOf(item.output));
  if (!("role" in item) || item.role !== "user") return [];
  return contentOf(item.content);
}

function toolsOf(offer: z.infer<typeof Offer>): Tool[] {
  if ("tools" in offer) {
    return offer.tools.flatMap(toolsOf).map((tool) => ({ ...tool, namespace: offer.name }));
  }
  const schema = "parameters" in offer ? offer.parameters : undefined;
  return [{ name: offer.name ?? offer.type, schema: schema ?? {} }];
}

function contentOf(content: string | z.infer<typeof Content>[]): Part[] {
  if (typeof content === "string") return [{ kind: "text", text: content }];
  return content.map((one) =>
    one.type === "input_image" ? imageOf(one.image_url) : { kind: "text", text: one.text }
  );
}
