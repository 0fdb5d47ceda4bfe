/**
 * MCP over HTTP: at `/mcp` of the API, and alone on a port of this machine.
 *
 * @module
 */

import type { App, Deps } from "./app.ts";
import { Conversations } from "./conversations.ts";
import { Gate, guardedApp } from "./http/guard.ts";
import { McpClients } from "./mcp/clients.ts";
import { createServer } from "./mcp/server.ts";
import { answerTheRest } from "./http/methods.ts";
import { Problem } from "./problem.ts";

/** Names of this machine, by which only itself calls. */
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Adds `/mcp`. */
export function mcpRoutes(app: App, deps: Deps, { origins }: Gate): void {
  const conversations = new Conversations();
  const clients = new McpClients(
    () => createServer({ ...deps, conversations }),
    deps.config.limits.body,
  );
  app.on(["GET", "POST", "DELETE"], "/mcp", (c) => {
    // The protocol wants it of streams, too, though no page could read them.
    origins.check("POST", c.req.raw.headers);
    return clients.handle(c.req.raw);
  });
}

/**
 * The MCP server alone, for a port on loopback. A page whose name an attacker has pointed to this
 * machine says that name, and is refused.
 */
export function createMcpApp(deps: Deps, gate: Gate = new Gate(deps.config)): App {
  const app = guardedApp(deps.config, gate);
  app.use(async (c, next) => {
    const name = (c.req.header("host") ?? "").replace(/:\d+$/, "").toLowerCase();
    if (!LOOPBACK.has(name)) {
      throw new Problem(403, `This port is for ${[...LOOPBACK].join(", ")}; found ${name}`);
    }
    await next();
  });
  mcpRoutes(app, deps, gate);
  answerTheRest(app, gate.origins);
  return app;
}
