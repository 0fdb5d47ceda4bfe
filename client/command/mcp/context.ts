/**
 * What every tool of the MCP server works with, and how its outcome is told.
 *
 * @module
 */

import { getLogger } from "@agentx/common";
import type { Deps } from "../app.ts";
import type { Conversations } from "../conversations.ts";
import { Problem } from "../problem.ts";
import type {
  CallToolResult,
  RequestHandlerExtra,
  ServerNotification,
  ServerRequest,
} from "./sdk.ts";

const log = getLogger(["arpc", "mcp"]);

/** What tools work on. */
export interface McpDeps extends Deps {
  conversations: Conversations;
}

/** What a tool is told of its caller. */
export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** How whoever calls a tool is connected. */
export interface Caller {
  /** Aborted when nobody can get the result of this call any more. */
  gone: AbortSignal;
  /** Aborted when the caller has ended its session of the protocol, or was silent for too long. */
  forgotten: AbortSignal;
}

/** Who calls. */
export function callerOf({ authInfo }: Extra): Caller {
  return authInfo!.extra!.caller as Caller;
}

/** Aborted when the caller does not want the result any more, or can not get it. */
export function goneSignal(extra: Extra): AbortSignal {
  return AbortSignal.any([extra.signal, callerOf(extra).gone]);
}

/** The session that the caller named in the address of this server: `/mcp?session=ID`. */
export function namedSession({ requestInfo }: Extra): string | undefined {
  const url = requestInfo?.url;
  return url === undefined ? undefined : new URL(url).searchParams.get("session") ?? undefined;
}

/** A result as text for a model, and as an object for a program. */
export function result(value: Record<string, unknown>): CallToolResult {
  return {
    content: [{ type: "text", text: JSON.stringify(value, null, 2) }],
    structuredContent: value,
  };
}

/** Runs a tool; what goes wrong is its result, for the model to read. */
export async function attempt(
  work: () => CallToolResult | Promise<CallToolResult>,
): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    return { isError: true, content: [{ type: "text", text: told(error) }] };
  }
}

function told(error: unknown): string {
  if (error instanceof Problem) {
    const { errors } = error.more;
    return errors === undefined ? error.detail : `${error.detail}\n${JSON.stringify(errors)}`;
  }
  if (error instanceof DOMException && error.name === "AbortError") return "It was cancelled";
  const id = crypto.randomUUID();
  log.error("A tool failed", { id, error: error instanceof Error ? error.name : typeof error });
  return `Something went wrong in arpc; its log has more under the id ${id}`;
}
