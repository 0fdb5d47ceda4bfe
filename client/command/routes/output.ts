/**
 * The output of a session: as a stream, or page by page.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import { wanted } from "../http/negotiate.ts";
import { SessionInfo } from "../schemas.ts";
import type { Session } from "../sessions/session.ts";
import { streamSession, type View } from "../sessions/stream.ts";
import {
  integer,
  json,
  optionalInteger,
  problems,
  ServerEvent,
  SESSION_PATH,
  STREAM_HEADERS,
} from "./answers.ts";
import { found } from "./found.ts";

const TAG = { tags: ["Sessions"] };

/** The formats of a stream. */
export const STREAMS = {
  "text/event-stream": { schema: ServerEvent },
  "application/x-ndjson": { schema: z.string() },
};

/** What a stream has in it. */
export const IN_A_STREAM = "Server-sent events have `id: <epoch>:<line>` and as data the CLI's " +
  "own line, or one of arpc's: `user_message`, `permission_request`, `permission_resolved`, " +
  "`stderr`, `notice`, and `completion` at the end of each turn. `event: session_update` is an " +
  "event in ACP's vocabulary, `event: reset` says that the cursor is older than what is kept. " +
  "NDJSON has the same objects, one a line. Comments or empty lines come every 15 s. ";

/** An id of an event, `<epoch>:<line>`. */
const CURSOR = /^(?:([A-Za-z0-9_-]{1,100}):)?([0-9]{1,15})$/;

const look = createRoute({
  method: "get",
  path: "/sessions/{id}",
  ...TAG,
  summary: "A session, or its output as a stream",
  description: "The stream comes when `Accept` names `text/event-stream` or " +
    "`application/x-ndjson`; also when it names none of the three formats, and `from_line`, " +
    "`format` or `Last-Event-ID` is given. `Last-Event-ID` goes before `from_line`, so that an " +
    "EventSource goes on where it was cut off. " + IN_A_STREAM,
  request: {
    params: SESSION_PATH,
    query: z.object({
      from_line: optionalInteger({ min: 1, max: 1e15 - 1, description: "First line wanted" }),
      format: z.enum(["raw", "events", "both"]).optional().openapi({
        description: "The CLI's own lines, events in ACP's vocabulary, or both",
      }),
    }),
    headers: z.object({
      "last-event-id": z.string().regex(CURSOR, "Expected <epoch>:<line>").optional().openapi({
        description: "The id of the last event that was seen: `<epoch>:<line>`",
        example: "5f1c:17",
      }),
    }),
  },
  responses: {
    200: {
      description: "The session, or its output live until the last turn has ended",
      content: { "application/json": { schema: SessionInfo }, ...STREAMS },
    },
    ...problems(404),
  },
});

const Line = z.object({
  n: z.int().openapi({ description: "Counted from 1" }),
  kind: z.enum(["raw", "stderr", "own"]).openapi({
    description: "Who wrote it: the CLI on standard output or error, or arpc",
  }),
  text: z.string(),
}).openapi("Line");

const lines = createRoute({
  method: "get",
  path: "/sessions/{id}/lines",
  ...TAG,
  summary: "Some lines of the output",
  request: {
    params: SESSION_PATH,
    query: z.object({
      from: integer({ min: 1, max: 1e15 - 1, otherwise: 1, description: "First line wanted" }),
      limit: integer({ min: 1, max: 5000, otherwise: 500, description: "Most lines wanted" }),
    }),
  },
  responses: {
    200: json(
      z.object({
        lines: z.array(Line),
        epoch: z.string().openapi({ description: "Another one means that lines count anew" }),
        first: z.int().openapi({ description: "Oldest line that is kept" }),
        last: z.int().openapi({ description: "Newest line; 0 without any" }),
        next: z.int().nullable().openapi({
          description: "`from` of the next page, if there is one",
        }),
      }).openapi("Lines"),
      "As many as are asked for, or fewer",
    ),
    ...problems(404),
  },
});

/** Adds the routes of output. */
export function outputRoutes(app: App, { sessions }: Pick<Deps, "sessions">): void {
  app.openapi(look, (c) => {
    const session = found(sessions, c.req.valid("param").id);
    const { from_line, format } = c.req.valid("query");
    const cursor = c.req.valid("header")["last-event-id"];
    const as = wanted(c.req.header("accept"));
    const asked = from_line !== undefined || format !== undefined || cursor !== undefined;
    if (as === "json" || (as === "any" && !asked)) return c.json(session.info, 200);
    return streamed(session, {
      ...(cursor === undefined ? { from: from_line ?? 1 } : after(cursor)),
      as: as === "ndjson" ? "ndjson" : "sse",
      format: format ?? "raw",
    });
  });

  app.openapi(lines, (c) => {
    const { log } = found(sessions, c.req.valid("param").id);
    const { from, limit } = c.req.valid("query");
    const page = log.read(from).slice(0, limit);
    const next = (page.at(-1)?.n ?? log.last) + 1;
    const { epoch, first, last } = log;
    return c.json({ lines: page, epoch, first, last, next: next <= last ? next : null }, 200);
  });
}

/** A session as a stream. The type is that of no answer: those of OpenAPI know JSON alone. */
export function streamed(
  session: Session,
  view: View,
  headers: Readonly<Record<string, string>> = {},
): never {
  const type = view.as === "sse" ? "text/event-stream" : "application/x-ndjson";
  return new Response(streamSession(session, view), {
    headers: { "x-session-id": session.id, ...headers, ...STREAM_HEADERS, "content-type": type },
  }) as never;
}

function after(cursor: string): { from: number; epoch?: string } {
  const [, epoch, line] = CURSOR.exec(cursor)!;
  return { from: Number(line) + 1, ...(epoch === undefined ? {} : { epoch }) };
}
