/**
 * The HTTP API of command mode. No socket here: `app.request()` tests it.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import type { Approvals } from "./approvals.ts";
import type { CommandConfig } from "./config.ts";
import type { History } from "./history/mod.ts";
import type { Probe } from "./executors/probe.ts";
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

/** Makes the app: the API under `/api` and without it, its documents, and the console. */
export function createApp(_deps: Deps): App {
  return new OpenAPIHono();
}
