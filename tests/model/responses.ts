/**
 * OpenAI's Responses: Codex.
 *
 * @see {@link https://platform.openai.com/docs/api-reference/responses | Responses}
 * @module
 */

import { type Answer, event, type Ids, type Protocol } from "./protocol.ts";
import { readResponses } from "./responses_request.ts";

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 12,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 22,
};

/** See the module. */
export const responses: Protocol = {
  name: "responses",
  path: /\/responses$/,

  read: (_path, body) => readResponses(body),

  async *stream({ model }, answer, spoken, ids) {
    let sequence_number = 0;
    const send = (type: string, fields: Record<string, unknown>) =>
      event({ type, sequence_number: sequence_number++, ...fields }, type);
    const whole = response(ids("resp"), model, []);
    yield send("response.created", { response: { ...whole, status: "in_progress", usage: null } });
    const at = { output_index: 0 };
    let item: Record<string, unknown>;
    if (answer.kind === "call") {
      item = call(answer, ids);
      const named = { ...at, item_id: item.id };
      const begun = { ...item, arguments: "", status: "in_progress" };
      yield send("response.output_item.added", { ...at, item: begun });
      yield send("response.function_call_arguments.delta", { ...named, delta: item.arguments });
      yield send("response.function_call_arguments.done", { ...named, arguments: item.arguments });
    } else {
      item = message(ids("msg"), []);
      const named = { ...at, content_index: 0, item_id: item.id };
      yield send("response.output_item.added", { ...at, item: { ...item, status: "in_progress" } });
      yield send("response.content_part.added", { ...named, part: outputText("") });
      let text = "";
      for await (const delta of spoken) {
        text += delta;
        yield send("response.output_text.delta", { ...named, delta });
      }
      yield send("response.output_text.done", { ...named, text });
      item = { ...item, content: [outputText(text)] };
    }
    yield send("response.output_item.done", { ...at, item });
    yield send("response.completed", { response: { ...whole, output: [item] } });
  },

  whole({ model }, answer, text, ids) {
    const item = answer.kind === "call"
      ? call(answer, ids)
      : message(ids("msg"), [outputText(text)]);
    return response(ids("resp"), model, [item]);
  },

  failure(status, message) {
    return { error: { message, type: "stub_error", code: String(status) } };
  },
};

function response(id: string, model: string, output: unknown[]) {
  return {
    id,
    object: "response",
    created_at: 0,
    status: "completed",
    model,
    output,
    usage: USAGE,
  };
}

function message(id: string, content: unknown[]) {
  return { type: "message", id, role: "assistant", status: "completed", content };
}

function outputText(text: string) {
  return { type: "output_text", text, annotations: [] };
}

function call({ tool, input }: Answer & { kind: "call" }, ids: Ids) {
  return {
    type: "function_call",
    id: ids("fc"),
    call_id: ids("call"),
    name: tool.name,
    ...tool.namespace === undefined ? {} : { namespace: tool.namespace },
    arguments: JSON.stringify(input),
    status: "completed",
  };
}
