/**
 * The HTTP API of command mode. No socket here: `app.request()` tests it.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import type { Approvals } from "./approvals.ts";
import type { CommandConfig } from "./config.ts";
import { documentRoutes } from "./docs/document.ts";
import { fileRoutes } from "./files.ts";
import type { History } from "./history/mod.ts";
import type { Probe } from "./executors/probe.ts";
import { Gate, guardedApp } from "./http/guard.ts";
import { mcpRoutes } from "./mcp.ts";
import { answerTheRest } from "./http/methods.ts";
import { pageRoutes } from "./pages.ts";
import { agentapiRoutes } from "./compat/agentapi.ts";
import { invalid } from "./routes/create.ts";
import { diffRoutes } from "./routes/diff.ts";
import { executorRoutes } from "./routes/executors.ts";
import { healthRoutes } from "./routes/health.ts";
import { historyRoutes } from "./routes/history.ts";
import { outputRoutes } from "./routes/output.ts";
import { permissionRoutes } from "./routes/permissions.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import type { Sessions } from "./sessions/sessions.ts";

/** What the API works on. */
export interface Deps {
  config: CommandConfig;
  sessions: Sessions;
  approvals: Approvals;
  probe: Probe;
  /** By executor. */
  histories: ReadonlyMap<string, History>;
}

/** The app, or a part of it. */
export type App = OpenAPIHono;

/**
 * Makes the app: the API under `/api` and without it, its documents, and the console.
 *
 * @param gate for all that this program serves to share.
 */
export function createApp(deps: Deps, gate: Gate = new Gate(deps.config)): App {
  const app = guardedApp(deps.config, gate);
  const api = createApi(deps);
  app.route("/api", api);
  app.route("/", api);
  mcpRoutes(app, deps, gate);
  pageRoutes(app);
  answerTheRest(app, gate.origins);
  return app;
}

/** The API without what stands in front of it. */
function createApi(deps: Deps): App {
  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.error.issues);
    },
  });
  sessionRoutes(api, deps);
  outputRoutes(api, deps);
  diffRoutes(api, deps);
  permissionRoutes(api, deps);
  agentapiRoutes(api, deps);
  executorRoutes(api, deps);
  fileRoutes(api, deps);
  healthRoutes(api);
  historyRoutes(api, deps);
  documentRoutes(api, deps.config.apiKey !== undefined);
  return api;
}
