/**
 * The MCP server of one client of it.
 *
 * @see {@link https://modelcontextprotocol.io/specification/2025-11-25 | Model Context Protocol}
 * @module
 */

import { VERSION } from "../../config.ts";
import { addApproval } from "./approval.ts";
import type { McpDeps } from "./context.ts";
import { addLooking } from "./look.ts";
import { addRunning } from "./run.ts";
import { McpServer } from "./sdk.ts";
import { addTranscripts } from "./transcripts.ts";

/** Makes a server with all tools and resources, not connected yet. */
export function createServer(deps: McpDeps): McpServer {
  const server = new McpServer({ name: "arpc", title: "ARP command mode", version: VERSION }, {
    instructions: "Starts and steers AI coding CLIs (Claude Code, Codex, Gemini CLI and others) " +
      "on the machine where arpc runs.",
  });
  addApproval(server, deps);
  addRunning(server, deps);
  addLooking(server, deps);
  addTranscripts(server, deps);
  return server;
}
