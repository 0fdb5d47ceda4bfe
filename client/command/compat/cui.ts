/**
 * The permission routes of cui, so that its MCP tool and its other clients work unchanged: the tool
 * tells of a question, and then asks every second what became of it.
 *
 * cui knows a conversation by a "streaming id" that its server has made up. Here it is the id of a
 * session, or a name of the client's own choice that is remembered with the question.
 *
 * @see {@link https://github.com/wbopan/cui | cui}
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { Deps } from "../app.ts";
import { askFromElsewhere } from "../elsewhere.ts";
import { Permission } from "../schemas.ts";

/** Questions whose names are remembered; the oldest goes first. */
const REMEMBERED = 1000;
/** It asks again and again, so that there is nobody who could leave. */
const NEVER = new AbortController().signal;

/** What cui's tool tells of a question. */
export const Notification = z.object({
  toolName: z.string().min(1).max(200),
  toolInput: z.unknown().optional(),
  streamingId: z.string().max(200).optional(),
}).openapi("CuiNotification");

/** A question as cui's clients know it. */
export const CuiPermission = Permission.extend({
  streamingId: z.string().optional(),
  timestamp: z.string().optional(),
}).openapi("ListedPermission");

/** The questions that came by cui's way. */
export class Cui {
  /** Id of the question -> streaming id, oldest first. */
  readonly #names = new Map<string, string>();

  constructor(private readonly deps: Pick<Deps, "approvals" | "sessions">) {}

  /**
   * Takes a question.
   *
   * @returns its id.
   * @throws {Problem} 429 when too many wait already.
   */
  notify({ toolName, toolInput, streamingId = "" }: z.infer<typeof Notification>): string {
    const { approvals, sessions } = this.deps;
    const session = streamingId === "" ? undefined : sessions.find(streamingId)?.id;
    const question = { tool: toolName, input: toolInput ?? {}, scopes: ["once"] as const };
    const { permission, answer } = askFromElsewhere(approvals, session, question, NEVER);
    // The answer is asked for; what ends it otherwise ends arpc.
    answer.catch(() => {});
    this.#names.set(permission.id, streamingId);
    for (const [oldest] of this.#names) {
      if (this.#names.size <= REMEMBERED) break;
      this.#names.delete(oldest);
    }
    return permission.id;
  }

  /** The questions of a streaming id, newest first. */
  list(streamingId: string, status: Permission["status"] | undefined): CuiPermission[] {
    const { approvals, sessions } = this.deps;
    const own = [...this.#names].filter(([, name]) => name === streamingId)
      .map(([id]) => approvals.get(id)).filter((one) => one !== undefined).reverse();
    const session = sessions.find(streamingId)?.id;
    const ofSession = session === undefined
      ? []
      : approvals.list({ session, limit: REMEMBERED, offset: 0 }).items;
    const all = new Map([...ofSession, ...own].map((one) => [one.id, asCui(one, streamingId)]));
    return [...all.values()].filter((one) => status === undefined || one.status === status);
  }
}

type CuiPermission = z.infer<typeof CuiPermission>;

/** To cui a question is answered with yes or no: it would ask for ever for one that has expired. */
function asCui(permission: Permission, streamingId: string): CuiPermission {
  const { status, denyReason, created_at } = permission;
  const over = status === "expired" || status === "cancelled";
  return {
    ...permission,
    ...(over ? { status: "denied", denyReason: denyReason ?? `The question was ${status}` } : {}),
    streamingId,
    timestamp: created_at,
  };
}
