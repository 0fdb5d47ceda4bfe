/**
 * What a session changed.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App, Deps } from "../app.ts";
import { Baseline, Diff } from "../diff.ts";
import { json, problems, SESSION_PATH } from "./answers.ts";
import { found } from "./found.ts";

const diff = createRoute({
  method: "get",
  path: "/sessions/{id}/diff",
  tags: ["Sessions"],
  summary: "What a session changed in its git work tree",
  request: {
    params: SESSION_PATH,
    query: z.object({
      path: z.string().min(1).max(4096).optional().openapi({
        description: "Only this file or folder, from the session's project folder on",
      }),
    }),
  },
  responses: { 200: json(Diff, "The changes since it was started"), ...problems(404) },
});

/** Adds the route of differences. */
export function diffRoutes(
  app: App,
  { sessions, config }: Pick<Deps, "sessions" | "config">,
): void {
  app.openapi(diff, async (c) => {
    const { id, info } = found(sessions, c.req.valid("param").id);
    const { path } = c.req.valid("query");
    return c.json(await new Baseline(config.stateFolder, id).diff(info.project_path, path), 200);
  });
}
