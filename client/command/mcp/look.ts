/**
 * Tools that only look, and the one that answers questions.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { found } from "../routes/found.ts";
import { Decision, Permission, SessionInfo, SessionStatus } from "../schemas.ts";
import { attempt, type McpDeps, result } from "./context.ts";
import type { McpServer } from "./sdk.ts";

const LIMIT = z.int().min(1).max(200).default(20);
const OFFSET = z.int().min(0).default(0);
const READ_ONLY = { readOnlyHint: true, openWorldHint: false };

/** Adds the tools. */
export function addLooking(server: McpServer, deps: McpDeps): void {
  const { sessions, approvals, histories, conversations } = deps;

  server.registerTool("get_session", {
    title: "Look at a session",
    description: "How a session stands, what the CLI said last, and what it asks.",
    inputSchema: { session_id: z.string().min(1).max(200) },
    outputSchema: {
      session: SessionInfo,
      text: z.string(),
      pending_permissions: z.array(Permission),
    },
    annotations: READ_ONLY,
  }, ({ session_id }) =>
    attempt(async () => {
      const session = found(sessions, session_id);
      const { lastWords } = await conversations.of(session);
      const pending = { status: "pending" as const, session: session.id, limit: 50, offset: 0 };
      return result({
        session: session.info,
        text: lastWords,
        pending_permissions: approvals.list(pending).items,
      });
    }));

  server.registerTool("list_sessions", {
    title: "List sessions",
    description: "The sessions that were started through this server, newest first.",
    inputSchema: {
      executor: z.string().max(100).optional(),
      status: SessionStatus.optional(),
      project_path: z.string().max(4096).optional(),
      limit: LIMIT,
      offset: OFFSET,
    },
    outputSchema: { sessions: z.array(SessionInfo), total: z.int() },
    annotations: READ_ONLY,
  }, ({ project_path: projectPath, ...filter }) =>
    attempt(() => {
      const { items, total } = sessions.list({ ...filter, projectPath });
      return result({ sessions: items, total });
    }));

  server.registerTool("list_projects", {
    title: "List projects",
    description: "Folders that AI coding CLIs have worked in on this machine, newest first.",
    inputSchema: {
      executor: z.string().max(100).optional().describe("Only those of this CLI"),
      limit: LIMIT,
      offset: OFFSET,
    },
    outputSchema: {
      projects: z.array(z.object({
        executor: z.string(),
        path: z.string().nullable(),
        sessions: z.int(),
        updated_at: z.string(),
      })),
      total: z.int(),
    },
    annotations: READ_ONLY,
  }, ({ executor, limit, offset }) =>
    attempt(async () => {
      const wanted = [...histories].filter(([name]) => executor === undefined || name === executor);
      if (wanted.length === 0) throw new Problem(404, `No history of '${executor}'`);
      const lists = await Promise.all(wanted.map(async ([name, history]) =>
        (await history.projects()).map(({ path, sessions, updated_at }) => ({
          executor: name,
          path,
          sessions,
          updated_at,
        }))
      ));
      const all = lists.flat().sort((a, b) =>
        b.updated_at.localeCompare(a.updated_at)
      );
      return result({ projects: all.slice(offset, offset + limit), total: all.length });
    }));

  server.registerTool("list_permissions", {
    title: "List questions",
    description: "What CLIs have asked before they use a tool, newest first.",
    inputSchema: {
      status: Permission.shape.status.default("pending"),
      session_id: z.string().max(200).optional(),
      limit: LIMIT,
      offset: OFFSET,
    },
    outputSchema: { permissions: z.array(Permission), total: z.int() },
    annotations: READ_ONLY,
  }, ({ session_id, ...filter }) =>
    attempt(() => {
      const session = session_id === undefined ? undefined : found(sessions, session_id).id;
      const { items, total } = approvals.list({ ...filter, session });
      return result({ permissions: items, total });
    }));

  server.registerTool(
    "decide_permission",
    {
      title: "Answer a question",
      description: "Lets a CLI use a tool, or not. The first answer counts.",
      inputSchema: { permission_id: z.string().min(1).max(200), ...Decision.shape },
      outputSchema: { permission: Permission },
      annotations: { destructiveHint: true, idempotentHint: false },
    },
    ({ permission_id, ...decision }) =>
      attempt(() => result({ permission: approvals.decide(permission_id, decision) })),
  );
}
