/**
 * One session in the manner of coder/agentapi, so that its clients work unchanged with
 * `…/sessions/{id}/agentapi` as their server.
 *
 * That server controls a terminal; a session here has none. Of keystrokes (`type: "raw"`) only those
 * that interrupt mean something: Escape and Ctrl-C.
 *
 * @see {@link https://github.com/coder/agentapi/blob/main/openapi.json | agentapi: OpenAPI document}
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import type { Message } from "../conversation.ts";
import { Conversations } from "../conversations.ts";
import { Problem } from "../problem.ts";
import {
  changingProblems,
  json,
  jsonBody,
  problems,
  ServerEvent,
  SESSION_PATH,
  STREAM_HEADERS,
} from "../routes/answers.ts";
import { found } from "../routes/found.ts";
import type { Session } from "../sessions/session.ts";
import { pulledStream } from "../http/sse.ts";
import { agentEvents } from "./agentapi_events.ts";
import { saveUpload } from "./agentapi_upload.ts";

const TAG = { tags: ["agentapi"] };
const INTERRUPTS: ReadonlySet<string> = new Set(["\u001b", "\u0003"]);

const Status = z.object({
  status: z.enum(["running", "stable"]),
  agent_type: z.string(),
  transport: z.enum(["acp", "pty"]),
}).openapi("AgentapiStatus");

const AgentMessage = z.object({
  id: z.int(),
  content: z.string(),
  role: z.enum(["agent", "user"]),
  time: z.iso.datetime(),
}).openapi("AgentapiMessage");

const MessageRequest = z.object({
  content: z.string().min(1),
  type: z.enum(["user", "raw"]),
}).openapi("AgentapiMessageRequest");

const route = <const P extends string>(path: P) => `/sessions/{id}/agentapi/${path}` as const;

const status = createRoute({
  method: "get",
  path: route("status"),
  ...TAG,
  summary: "Whether the CLI is at work",
  request: { params: SESSION_PATH },
  responses: { 200: json(Status, "The state"), ...problems(404) },
});

const messages = createRoute({
  method: "get",
  path: route("messages"),
  ...TAG,
  summary: "What was said",
  request: { params: SESSION_PATH },
  responses: {
    200: json(
      z.object({ messages: z.array(AgentMessage) }).openapi("AgentapiMessages"),
      "All messages, one of each side a turn",
    ),
    ...problems(404),
  },
});

const send = createRoute({
  method: "post",
  path: route("message"),
  ...TAG,
  summary: "Send a message; only while the CLI is not at work",
  request: { params: SESSION_PATH, body: jsonBody(MessageRequest) },
  responses: {
    200: json(z.object({ ok: z.boolean() }).openapi("AgentapiOk"), "It was sent"),
    ...changingProblems(404, 409, 422),
  },
});

const events = createRoute({
  method: "get",
  path: route("events"),
  ...TAG,
  summary: "Messages and states, live",
  description: "First the events that lead to the present state; it never ends by itself.",
  request: { params: SESSION_PATH },
  responses: {
    200: {
      description: "`event: message_update`, `status_change` or `agent_error`",
      content: { "text/event-stream": { schema: ServerEvent } },
    },
    ...problems(404),
  },
});

const upload = createRoute({
  method: "post",
  path: route("upload"),
  ...TAG,
  summary: "Put a file where the CLI can read it",
  request: {
    params: SESSION_PATH,
    body: {
      required: true,
      content: {
        "multipart/form-data": {
          schema: z.strictObject({
            file: z.instanceof(File).openapi({ type: "string", format: "binary" }),
          }),
        },
      },
    },
  },
  responses: {
    200: json(
      z.object({ ok: z.boolean(), filePath: z.string() }).openapi("AgentapiUploaded"),
      "It is there until the session is deleted",
    ),
    ...changingProblems(404, 422),
  },
});

/** Adds the routes. */
export function agentapiRoutes(
  app: App,
  { sessions, config }: Pick<Deps, "sessions" | "config">,
): void {
  const conversations = new Conversations();

  app.openapi(status, (c) => c.json(statusOf(found(sessions, c.req.valid("param").id)), 200));

  app.openapi(messages, async (c) => {
    const conversation = await conversations.of(found(sessions, c.req.valid("param").id));
    return c.json({ messages: conversation.messages.map(shown) }, 200);
  });

  app.openapi(send, async (c) => {
    const session = found(sessions, c.req.valid("param").id);
    const { content, type } = c.req.valid("json");
    if (type === "user") {
      if (session.running) {
        throw new Problem(409, "The agent is at work: wait for the status to be stable");
      }
      session.send({ prompt: content });
    } else if (INTERRUPTS.has(content)) {
      await session.cancel();
    } else {
      throw new Problem(422, "This session has no terminal: of keys it knows Escape and Ctrl-C");
    }
    return c.json({ ok: true }, 200);
  }, refused);

  app.openapi(events, (c) => {
    const session = found(sessions, c.req.valid("param").id);
    const exists = () => sessions.find(session.id) !== undefined;
    const stream = pulledStream((signal) => agentEvents(session, exists, signal));
    return new Response(stream, {
      headers: { ...STREAM_HEADERS, "content-type": "text/event-stream" },
    });
  });

  app.openapi(upload, async (c) => {
    const { id } = found(sessions, c.req.valid("param").id);
    const filePath = await saveUpload(config.stateFolder, id, c.req.valid("form").file);
    return c.json({ ok: true, filePath }, 200);
  }, refused);
}

/** Names what is wrong with a request as agentapi does. */
function refused(result: { success: boolean; error?: z.core.$ZodError }): undefined {
  if (result.success) return;
  const errors = result.error?.issues.map(({ path, message }) => ({
    location: ["body", ...path.map(String)].join("."),
    message,
  }));
  throw new Problem(422, "validation failed", { errors });
}

/** The state in agentapi's words. Messages that are no screens are what it calls ACP. */
export function statusOf(session: Session): z.infer<typeof Status> {
  return {
    status: session.running ? "running" : "stable",
    agent_type: session.info.executor,
    transport: "acp",
  };
}

function shown({ id, role, text, time }: Message): z.infer<typeof AgentMessage> {
  return { id, content: text, role, time };
}
