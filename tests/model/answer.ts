/**
 * One HTTP request to the stub model.
 *
 * @module
 */

import { sleep } from "../../client/sleep.ts";
import { anthropic } from "./anthropic.ts";
import { chat } from "./chat.ts";
import { gemini } from "./gemini.ts";
import { type Plan, plan, type Turn } from "./plan.ts";
import type { Answer, Ids, Protocol } from "./protocol.ts";
import { responses } from "./responses.ts";

const PROTOCOLS: readonly Protocol[] = [anthropic, responses, chat, gemini];
/** Where clients put their key. */
const KEYS = ["authorization", "x-api-key", "x-goog-api-key"];

/** A request that the model understood. */
export interface ModelRequest {
  /** `anthropic`, `responses`, `chat` or `gemini`. */
  protocol: string;
  path: string;
  model: string;
  stream: boolean;
  /** Names of the tools that it may call. */
  tools: string[];
  /** What was said since its last turn. */
  prompt: string;
  /** What tools have said since its last turn. */
  results: string[];
  /** Media types of the images that came since its last turn. */
  images: string[];
  /** Whether the client left before the answer was whole. */
  aborted: boolean;
}

/** Whom to tell of what happens. */
export interface Journal {
  asked(request: ModelRequest): void;
  left(request: ModelRequest): void;
  refused(why: string): void;
  id: Ids;
  /** Aborted when the stub ends. */
  closing: AbortSignal;
}

/** Answers a request. */
export async function answer(request: Request, journal: Journal): Promise<Response> {
  const path = new URL(request.url).pathname;
  const body = await request.text();
  const protocol = PROTOCOLS.find((one) => one.path.test(path));
  if (request.method !== "POST" || protocol === undefined) return aside(request.method, path);
  const refuse = (status: number, why: string) => {
    journal.refused(`${path}: ${why}`);
    return failure(protocol, status, why);
  };
  if (!KEYS.some((name) => request.headers.has(name))) return refuse(401, "no key");
  let turn: Turn;
  let what: Plan;
  try {
    turn = protocol.read(path, JSON.parse(body));
    what = plan(turn);
  } catch (error) {
    return refuse(400, (error as Error).message);
  }
  const asked = entry(protocol, path, turn);
  journal.asked(asked);
  if (what.kind === "fail") return failure(protocol, what.status, "the prompt asked for this");
  const leaving = new AbortController();
  const spoken = speak(what, AbortSignal.any([journal.closing, leaving.signal]));
  if (turn.stream) {
    const events = protocol.stream(turn, what, spoken, journal.id);
    const left = () => {
      journal.left(asked);
      leaving.abort();
    };
    return new Response(streamed(events, left), {
      headers: { "content-type": "text/event-stream" },
    });
  }
  let text = "";
  for await (const piece of spoken) text += piece;
  return Response.json(protocol.whole(turn, what, text, journal.id));
}

function entry(
  protocol: Protocol,
  path: string,
  { model, stream, tools, parts }: Turn,
): ModelRequest {
  return {
    protocol: protocol.name,
    path,
    model,
    stream,
    tools: tools.map(({ name }) => name),
    prompt: parts.flatMap((part) => part.kind === "text" ? [part.text] : []).join("\n"),
    results: parts.flatMap((part) => part.kind === "result" ? [part.text] : []),
    images: parts.flatMap((part) => part.kind === "image" ? [part.mediaType] : []),
    aborted: false,
  };
}

/** What clients ask beside the turns of a conversation. */
function aside(method: string, path: string): Response {
  if (method === "POST" && /\/count_tokens$/.test(path)) {
    return Response.json({ input_tokens: 10 });
  }
  if (method === "POST" && /:countTokens$/.test(path)) return Response.json({ totalTokens: 10 });
  if (method === "GET" && /\/models$/.test(path)) {
    const data = [{ id: "stub-model", object: "model", created: 0, owned_by: "stub" }];
    return Response.json({ object: "list", data, models: [] });
  }
  const message = `the stub has nothing at ${method} ${path}`;
  return Response.json({ error: { message } }, { status: 404 });
}

function failure(protocol: Protocol, status: number, message: string): Response {
  return Response.json(protocol.failure(status, message), { status });
}

async function* speak(what: Answer, signal: AbortSignal): AsyncGenerator<string> {
  if (what.kind === "call") return yield "I will use a tool.";
  for (const chunk of what.chunks) {
    yield chunk;
    if (what.pause > 0) await sleep(what.pause, signal);
  }
}

/** The events as a body; `left` is called when its reader goes before the end. */
function streamed(events: AsyncIterable<string>, left: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = events[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: left,
  }, { highWaterMark: 0 });
}
