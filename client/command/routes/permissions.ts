/**
 * Questions of CLIs, and their answers.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import { Cui, CuiPermission, Notification } from "../compat/cui.ts";
import { Problem } from "../problem.ts";
import { Decision, Permission } from "../schemas.ts";
import { eventStream } from "../http/sse.ts";
import {
  changingProblems,
  integer,
  json,
  jsonBody,
  PAGE,
  problems,
  ServerEvent,
  STREAM_HEADERS,
} from "./answers.ts";

const TAG = { tags: ["Permissions"] };
/** Questions that are shown at the begin of a stream. */
const MAX_SHOWN = 500;

const PATH = z.object({
  id: z.string().min(1).max(200).openapi({ param: { name: "id", in: "path" } }),
});

const list = createRoute({
  method: "get",
  path: "/permissions",
  ...TAG,
  summary: "List questions, newest first",
  request: {
    query: z.object({
      status: Permission.shape.status.optional(),
      session_id: z.string().max(200).optional(),
      streamingId: z.string().max(200).optional().openapi({
        description: "What cui calls a session. A question that has expired then counts as denied",
      }),
      ...PAGE,
      // As many as may wait: who asks for those that do must not take one for answered.
      limit: integer({ min: 1, max: 500, otherwise: 200, description: "Most entries wanted" }),
    }),
  },
  responses: {
    200: json(
      z.object({ permissions: z.array(CuiPermission), total: z.int() }).openapi("PermissionList"),
      "Some of the questions",
    ),
    ...problems(),
  },
});

const events = createRoute({
  method: "get",
  path: "/permissions/events",
  ...TAG,
  summary: "Questions and answers, live",
  description: "First the questions that wait, then what happens; it never ends by itself.",
  responses: {
    200: {
      description: "`event: permission_request` or `permission_resolved`, `data:` with `type` " +
        "and `permission`",
      content: { "text/event-stream": { schema: ServerEvent } },
    },
    ...problems(),
  },
});

const look = createRoute({
  method: "get",
  path: "/permissions/{id}",
  ...TAG,
  summary: "A question",
  request: { params: PATH },
  responses: { 200: json(Permission, "The question"), ...problems(404) },
});

const decide = createRoute({
  method: "post",
  path: "/permissions/{id}/decision",
  ...TAG,
  summary: "Answer a question",
  description: "The first answer counts; any other gets 409.",
  request: { params: PATH, body: jsonBody(Decision) },
  responses: {
    200: json(
      Permission.extend({ success: z.literal(true) }).openapi("DecidedPermission"),
      "The question with its answer",
    ),
    ...changingProblems(404, 409, 422),
  },
});

const notify = createRoute({
  method: "post",
  path: "/permissions/notify",
  ...TAG,
  summary: "Ask a question, as cui's MCP tool does",
  request: { body: jsonBody(Notification) },
  responses: {
    200: json(
      z.object({ success: z.literal(true), id: z.uuid() }).openapi("CuiNotified"),
      "It waits for an answer",
    ),
    ...changingProblems(),
  },
});

/** Adds the routes of questions. */
export function permissionRoutes(app: App, deps: Pick<Deps, "approvals" | "sessions">): void {
  const { approvals, sessions } = deps;
  const cui = new Cui(deps);

  app.openapi(list, (c) => {
    const { status, session_id, streamingId = "", limit, offset } = c.req.valid("query");
    if (streamingId !== "") {
      const all = cui.list(streamingId, status);
      const permissions = all.slice(offset, offset + limit);
      return c.json({ permissions, total: all.length }, 200);
    }
    const session = session_id === undefined
      ? undefined
      : sessions.find(session_id)?.id ?? session_id;
    const { items, total } = approvals.list({ status, session, limit, offset });
    return c.json({ permissions: items, total }, 200);
  });

  app.openapi(events, () => {
    const stream = eventStream((emit) => {
      const watching = approvals.watch((event) => emit(event.type, event));
      const waiting = approvals.list({ status: "pending", limit: MAX_SHOWN, offset: 0 }).items;
      for (const permission of waiting.toReversed()) {
        emit("permission_request", { type: "permission_request", permission });
      }
      return watching;
    });
    return new Response(stream, {
      headers: { ...STREAM_HEADERS, "content-type": "text/event-stream" },
    });
  });

  app.openapi(look, (c) => {
    const { id } = c.req.valid("param");
    const permission = approvals.get(id);
    if (permission === undefined) throw new Problem(404, `No permission '${id}'`);
    return c.json(permission, 200);
  });

  app.openapi(decide, (c) => {
    const permission = approvals.decide(c.req.valid("param").id, c.req.valid("json"));
    // cui's clients look for this.
    return c.json({ ...permission, success: true as const }, 200);
  });

  app.openapi(
    notify,
    (c) => c.json({ success: true as const, id: cui.notify(c.req.valid("json")) }, 200),
  );
}
