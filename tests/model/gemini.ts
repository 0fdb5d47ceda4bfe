/**
 * Gemini's generateContent: Gemini CLI.
 *
 * @see {@link https://ai.google.dev/api/generate-content | generateContent}
 * @module
 */

import { z } from "zod";
import type { Part } from "./plan.ts";
import { event, Malformed, type Protocol, schemaType, sinceModel } from "./protocol.ts";

/** One of these fields, and what may stand beside it. */
const Piece = z.union([
  z.object({ text: z.string() }),
  z.object({
    inlineData: z.object({
      mimeType: z.string().regex(/^[a-z]+\/[\w.+-]+$/),
      data: z.base64().min(1),
    }),
  }),
  z.object({ functionCall: z.object({ name: z.string().min(1) }) }),
  z.object({
    functionResponse: z.object({
      name: z.string().min(1),
      response: z.record(z.string(), z.unknown()),
    }),
  }),
]);
const Content = z.object({
  role: z.enum(["user", "model"]),
  parts: z.array(Piece).min(1),
});
const Request = z.object({
  contents: z.array(Content).min(1),
  tools: z.array(z.object({
    functionDeclarations: z.array(z.object({
      name: z.string().min(1),
      parameters: schemaType.optional(),
      parametersJsonSchema: schemaType.optional(),
    })).default([]),
  })).default([]),
  generationConfig: z.object({
    responseJsonSchema: schemaType.optional(),
    responseSchema: schemaType.optional(),
  }).default({}),
});

const USAGE = { promptTokenCount: 10, candidatesTokenCount: 12, totalTokenCount: 22 };

/** See the module. */
export const gemini: Protocol = {
  name: "gemini",
  path: /\/models\/[^/:]+:(generateContent|streamGenerateContent)$/,

  read(path, body) {
    const { contents, tools, generationConfig } = Request.parse(body);
    answered(contents);
    const [, model = "", verb] = /\/([^/:]+):(\w+)$/.exec(path) ?? [];
    return {
      model,
      stream: verb === "streamGenerateContent",
      tools: tools.flatMap(({ functionDeclarations }) =>
        functionDeclarations.map(({ name, parameters, parametersJsonSchema }) => ({
          name,
          schema: parametersJsonSchema ?? parameters ?? {},
        }))
      ),
      parts: sinceModel(contents, ({ role }) => role === "model")
        .flatMap(({ parts }) => parts.flatMap(partsOf)),
      schema: generationConfig.responseJsonSchema ?? generationConfig.responseSchema,
    };
  },

  async *stream({ model }, answer, spoken, ids) {
    const responseId = ids("gem");
    const send = (parts: unknown[], finishReason?: string) =>
      // The service ends its lines like this, and clients have relied on it.
      event(response(responseId, model, parts, finishReason)).replaceAll("\n", "\r\n");
    for await (const text of spoken) yield send([{ text }]);
    yield send(
      answer.kind === "call" ? [call(answer.tool.name, answer.input)] : [{ text: "" }],
      "STOP",
    );
  },

  whole({ model }, answer, text, ids) {
    const parts = answer.kind === "call"
      ? [{ text }, call(answer.tool.name, answer.input)]
      : [{ text }];
    return response(ids("gem"), model, parts, "STOP");
  },

  failure(status, message) {
    return { error: { code: status, message, status: ERRORS[status] ?? "INTERNAL" } };
  },
};

const ERRORS: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
};

/** Calls have no ids here: as many responses must follow as there were calls. */
function answered(contents: readonly z.infer<typeof Content>[]): void {
  const count = (content: typeof contents[number] | undefined, field: string) =>
    content?.parts.filter((part) => field in part).length ?? 0;
  // One past the end, where the responses to the last calls would be.
  for (let i = 0; i <= contents.length; i++) {
    const calls = count(contents[i - 1], "functionCall");
    const results = count(contents[i], "functionResponse");
    if (calls !== results) throw new Malformed(`${calls} function calls, ${results} responses`);
  }
}

function partsOf(piece: z.infer<typeof Piece>): Part[] {
  if ("inlineData" in piece) {
    return [{ kind: "image", mediaType: piece.inlineData.mimeType }];
  }
  if ("functionResponse" in piece) {
    return [{ kind: "result", text: JSON.stringify(piece.functionResponse.response) }];
  }
  return "text" in piece ? [{ kind: "text", text: piece.text }] : [];
}

function call(name: string, args: Record<string, unknown>) {
  return { functionCall: { name, args } };
}

function response(responseId: string, modelVersion: string, parts: unknown[], finish?: string) {
  const content = { role: "model", parts };
  const finishReason = finish === undefined ? {} : { finishReason: finish };
  const candidates = [{ index: 0, content, ...finishReason }];
  return { candidates, usageMetadata: USAGE, modelVersion, responseId };
}
