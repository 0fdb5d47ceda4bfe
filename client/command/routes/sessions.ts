/**
 * Sessions: start, list, look at, change, end. Their output is in `output.ts`.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import { wanted } from "../http/negotiate.ts";
import { SendMessage, SessionInfo, SessionStatus } from "../schemas.ts";
import { changingProblems, json, jsonBody, PAGE, problems, SESSION_PATH } from "./answers.ts";
import { documentedCreate, readCreate } from "./create.ts";
import { found } from "./found.ts";
import { IN_A_STREAM, streamed, STREAMS } from "./output.ts";

const TAG = { tags: ["Sessions"] };

const create = createRoute({
  method: "post",
  path: "/sessions",
  ...TAG,
  summary: "Start a session",
  description: "By `Accept`: `text/event-stream` or anything gets the output as it is written, " +
    "`application/x-ndjson` the same as lines of JSON, `application/json` the session at once. " +
    "The session goes on when the reader leaves. Each field but `attachments` may also be given " +
    "in the query, then without a body; `projectPath` stands for `project_path` and " +
    "`approval_mode` for `permission_mode`. Unknown fields are ignored. " + IN_A_STREAM,
  request: {
    body: {
      required: true,
      // Not the schema itself: it would be applied before the query is looked at.
      content: { "application/json": { schema: { $ref: "#/components/schemas/CreateSession" } } },
    },
  },
  responses: {
    200: { description: "The output, live until the last turn has ended", content: STREAMS },
    201: {
      ...json(SessionInfo, "The session, which has been started"),
      headers: z.object({ Location: z.string(), "X-Session-Id": z.uuid() }),
    },
    ...changingProblems(422),
  },
});

const list = createRoute({
  method: "get",
  path: "/sessions",
  ...TAG,
  summary: "List sessions, newest first",
  request: {
    query: z.object({
      executor: z.string().max(100).optional(),
      status: SessionStatus.optional(),
      project_path: z.string().max(4096).optional(),
      ...PAGE,
    }),
  },
  responses: {
    200: json(
      z.object({
        sessions: z.array(SessionInfo),
        total: z.int().openapi({ description: "How many there are in all" }),
      }).openapi("SessionList"),
      "Some of the sessions",
    ),
    ...problems(),
  },
});

const send = createRoute({
  method: "post",
  path: "/sessions/{id}/messages",
  ...TAG,
  summary: "Send a follow-up",
  description: "It waits while a turn runs.",
  request: { params: SESSION_PATH, body: jsonBody(SendMessage) },
  responses: {
    202: json(
      z.object({
        turn: z.int().openapi({ description: "The turn it will be, counted from 1" }),
      }).openapi("Turn"),
      "It waits or has begun",
    ),
    ...changingProblems(404, 409, 422),
  },
});

const cancel = createRoute({
  method: "post",
  path: "/sessions/{id}/cancel",
  ...TAG,
  summary: "End the running turn and drop what waits",
  request: { params: SESSION_PATH },
  responses: {
    200: json(SessionInfo, "No process of it is left"),
    ...changingProblems(404),
  },
});

const rename = createRoute({
  method: "patch",
  path: "/sessions/{id}",
  ...TAG,
  summary: "Change the title",
  request: {
    params: SESSION_PATH,
    body: jsonBody(z.object({ title: z.string().min(1).max(200) }).openapi("RenameSession")),
  },
  responses: { 200: json(SessionInfo, "The session"), ...changingProblems(404) },
});

const remove = createRoute({
  method: "delete",
  path: "/sessions/{id}",
  ...TAG,
  summary: "End a session and remove it with its output",
  request: { params: SESSION_PATH },
  responses: { 204: { description: "It is gone" }, ...changingProblems(404) },
});

/** Adds the routes of sessions. */
export function sessionRoutes(
  app: App,
  { sessions, probe, config }: Pick<Deps, "sessions" | "probe" | "config">,
): void {
  const schema = documentedCreate(probe.executors, config.allowBypass);
  app.openAPIRegistry.register("CreateSession", schema);

  app.openapi(create, async (c) => {
    const request = readCreate(new URL(c.req.url).searchParams, await c.req.text());
    const session = await sessions.create(request);
    // Relative, so that it is right below whatever path and in front of whatever token it came by.
    const headers = { "location": `sessions/${session.id}`, "x-session-id": session.id };
    const as = wanted(c.req.header("accept"));
    if (as === "json") return c.json(session.info, 201, headers);
    return streamed(session, { from: 1, as: as === "any" ? "sse" : as, format: "raw" }, headers);
  });

  app.openapi(list, (c) => {
    const { project_path: projectPath, ...filter } = c.req.valid("query");
    const { items, total } = sessions.list({ ...filter, projectPath });
    return c.json({ sessions: items, total }, 200);
  });

  app.openapi(send, (c) => {
    const session = found(sessions, c.req.valid("param").id);
    return c.json({ turn: session.send(c.req.valid("json")) }, 202);
  });

  app.openapi(cancel, async (c) => {
    const session = found(sessions, c.req.valid("param").id);
    await session.cancel();
    return c.json(session.info, 200);
  });

  app.openapi(rename, (c) => {
    const session = found(sessions, c.req.valid("param").id);
    session.rename(c.req.valid("json").title);
    return c.json(session.info, 200);
  });

  app.openapi(remove, async (c) => {
    await sessions.delete(found(sessions, c.req.valid("param").id).id);
    return c.body(null, 204);
  });
}
