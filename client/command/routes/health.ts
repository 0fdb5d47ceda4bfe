/**
 * Whether arpc is there.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { App } from "../app.ts";
import { json, problems } from "./answers.ts";

const health = createRoute({
  method: "get",
  path: "/health",
  tags: ["Health"],
  security: [],
  summary: "Whether arpc is there; needs no key",
  responses: {
    200: json(z.object({ status: z.literal("ok") }).openapi("Health"), "It is"),
    ...problems(),
  },
});

/** Adds the route that watchers ask. */
export function healthRoutes(app: App): void {
  app.openapi(health, (c) => c.json({ status: "ok" as const }, 200));
}
