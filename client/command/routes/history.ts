/**
 * The sessions that the CLIs keep themselves.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import type { History } from "../history/mod.ts";
import { Problem } from "../problem.ts";
import { changingProblems, integer, json, PAGE, problems } from "./answers.ts";

const TAG = { tags: ["History"] };

const HistoryProject = z.object({
  id: z.string(),
  path: z.string().nullable().openapi({ description: "Null when no session names its folder" }),
  sessions: z.int(),
  updated_at: z.string(),
}).openapi("Project");

const HistorySession = z.object({
  id: z.string().openapi({ description: "The CLI's own id: what `resume` takes" }),
  project_id: z.string(),
  project_path: z.string().nullable(),
  title: z.string(),
  created_at: z.string().nullable(),
  updated_at: z.string(),
  bytes: z.number().nullable().openapi({ description: "Size of its file" }),
}).openapi("HistorySession");

const Transcript = HistorySession.extend({
  messages: z.array(z.unknown()).openapi({ description: "Records as the CLI wrote them" }),
  total_messages: z.int(),
  broken_lines: z.int().openapi({ description: "Lines that were no JSON, and were left out" }),
}).openapi("Transcript");

const SessionPage = z.object({ sessions: z.array(HistorySession), total: z.int() })
  .openapi("HistorySessionList");

/** Adds the routes of history. */
export function historyRoutes(app: App, { histories }: Pick<Deps, "histories">): void {
  const names = [...histories.keys()];
  const agent = z.string().max(100).openapi({
    param: { name: "agent", in: "path" },
    description: "Name of an executor",
    example: names[0],
    ...(names.length === 0 ? {} : { enum: names }),
  });
  const project = z.string().min(1).max(1000).openapi({
    param: { name: "project_id", in: "path" },
  });
  const session = z.string().min(1).max(200).openapi({ param: { name: "id", in: "path" } });
  const AGENT = z.object({ agent });
  const SESSION = z.object({ agent, id: session });
  const of = (name: string): History => {
    const history = histories.get(name);
    if (history !== undefined) return history;
    throw new Problem(404, `No history of '${name}'; there is that of ${names.join(", ")}`);
  };

  app.openapi(
    createRoute({
      method: "get",
      path: "/{agent}/projects",
      ...TAG,
      summary: "Folders that a CLI has worked in",
      request: { params: AGENT },
      responses: {
        200: json(
          z.object({ projects: z.array(HistoryProject) }).openapi("ProjectList"),
          "The folders, newest first",
        ),
        ...problems(404),
      },
    }),
    async (c) => c.json({ projects: await of(c.req.valid("param").agent).projects() }, 200),
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/{agent}/projects/working-directories",
      ...TAG,
      summary: "The same folders by their paths",
      request: { params: AGENT },
      responses: {
        200: json(
          z.object({
            directories: z.array(
              z.object({ path: z.string(), sessions: z.int(), updated_at: z.string() }),
            ),
            total: z.int(),
          }).openapi("WorkingDirectories"),
          "The folders that are known by path, newest first",
        ),
        ...problems(404),
      },
    }),
    async (c) => {
      const projects = await of(c.req.valid("param").agent).projects();
      const directories = projects.flatMap(({ path, sessions, updated_at }) =>
        path === null ? [] : [{ path, sessions, updated_at }]
      );
      return c.json({ directories, total: directories.length }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/{agent}/projects/{project_id}/sessions",
      ...TAG,
      summary: "Sessions of a folder, newest first",
      request: { params: z.object({ agent, project_id: project }), query: z.object(PAGE) },
      responses: { 200: json(SessionPage, "Some of the sessions"), ...problems(404) },
    }),
    async (c) => {
      const { agent, project_id: projectId } = c.req.valid("param");
      const { items, total } = await of(agent).sessions({ projectId, ...c.req.valid("query") });
      return c.json({ sessions: items, total }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/{agent}/sessions",
      ...TAG,
      summary: "Sessions of a CLI, newest first",
      request: {
        params: AGENT,
        query: z.object({ projectPath: z.string().max(4096).optional(), ...PAGE }),
      },
      responses: { 200: json(SessionPage, "Some of the sessions"), ...problems(404) },
    }),
    async (c) => {
      const history = of(c.req.valid("param").agent);
      const { items, total } = await history.sessions(c.req.valid("query"));
      return c.json({ sessions: items, total }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "get",
      path: "/{agent}/sessions/{id}",
      ...TAG,
      summary: "A session with its records",
      request: {
        params: SESSION,
        query: z.object({
          ...PAGE,
          limit: integer({ min: 1, max: 5000, otherwise: 500, description: "Most records wanted" }),
        }),
      },
      responses: { 200: json(Transcript, "The session"), ...problems(404) },
    }),
    async (c) => {
      const { agent, id } = c.req.valid("param");
      const { limit, offset } = c.req.valid("query");
      const transcript = await of(agent).session(id, limit, offset);
      if (transcript === undefined) throw unknown(agent, id);
      return c.json(transcript, 200);
    },
  );

  app.openapi(
    createRoute({
      method: "delete",
      path: "/{agent}/sessions/{id}",
      ...TAG,
      summary: "Delete a session from the CLI's own store",
      description: "Where only the CLI itself can do that safely, 422 names the `command`.",
      request: { params: SESSION },
      responses: { 204: { description: "It is gone" }, ...changingProblems(404, 422) },
    }),
    async (c) => {
      const { agent, id } = c.req.valid("param");
      if (!await of(agent).delete(id)) throw unknown(agent, id);
      return c.body(null, 204);
    },
  );
}

function unknown(agent: string, id: string): Problem {
  return new Problem(404, `No session '${id}' in the history of ${agent}`);
}
