/**
 * Tools that start sessions and talk with them.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { Conversation, follow } from "../conversation.ts";
import type { Event } from "../events/mod.ts";
import { found } from "../routes/found.ts";
import { CreateSession, SessionInfo } from "../schemas.ts";
import type { Session } from "../sessions/session.ts";
import { attempt, callerOf, type Extra, type McpDeps, result } from "./context.ts";
import { Progress } from "./progress.ts";
import type { CallToolResult, McpServer } from "./sdk.ts";

const SESSION = z.string().min(1).max(200).describe("The session's id, or the CLI's own id of it");
const WAIT = z.boolean().default(true).describe(
  "Wait until the CLI is done and return what it said; else return at once, for get_session",
);

/** What tools tell of a session. */
const OUTCOME = {
  session: SessionInfo,
  text: z.string().describe("What the CLI said last, after its last tool"),
};

const { executor, prompt, project_path, model, permission_mode, resume, resume_last, interactive } =
  CreateSession.shape;

/** Adds the tools. */
export function addRunning(server: McpServer, deps: McpDeps): void {
  const { sessions } = deps;

  server.registerTool("start_session", {
    title: "Start a session",
    description: "Has an AI coding CLI on this machine do something, in a folder of it.",
    inputSchema: {
      executor: executor.describe("claude, codex, gemini, qwen, opencode or copilot"),
      prompt,
      project_path,
      model,
      permission_mode,
      allowed_tools: z.array(z.string().min(1).max(2000)).max(1000).optional(),
      resume,
      resume_last,
      interactive,
      title: CreateSession.shape.title,
      wait: WAIT,
    },
    outputSchema: OUTCOME,
  }, ({ wait, ...request }, extra) =>
    attempt(async () => {
      const session = await sessions.create(request);
      return wait ? await outcome(session, 1, extra) : told(session, "");
    }));

  server.registerTool("send_message", {
    title: "Send a message to a session",
    description: "Goes on with a session; the message waits while the CLI is at work.",
    inputSchema: { session_id: SESSION, prompt, wait: WAIT },
    outputSchema: { ...OUTCOME, turn: z.int() },
  }, ({ session_id, prompt, wait }, extra) =>
    attempt(async () => {
      const session = found(sessions, session_id);
      const from = session.log.last + 1;
      const turn = session.send({ prompt });
      const said = wait ? await outcome(session, from, extra) : told(session, "");
      return result({ ...said.structuredContent, turn });
    }));

  server.registerTool("cancel_session", {
    title: "Cancel a session",
    description: "Ends what a session is doing, and drops the messages that wait.",
    inputSchema: { session_id: SESSION },
    outputSchema: { session: SessionInfo },
    annotations: { destructiveHint: true, idempotentHint: true },
  }, ({ session_id }) =>
    attempt(async () => {
      const session = found(sessions, session_id);
      await session.cancel();
      return result({ session: session.info });
    }));
}

/**
 * Waits for the end of what a session is doing, and tells of it meanwhile. Who cancels the call ends
 * that as well, since nobody else knows of it. Who is cut off does not: the protocol wants that, and
 * the session can be found again.
 */
async function outcome(session: Session, from: number, extra: Extra): Promise<CallToolResult> {
  const { signal } = extra;
  const { forgotten } = callerOf(extra);
  const cancel = () => {
    if (!forgotten.aborted) session.cancel().catch(() => {});
  };
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const enough = new AbortController();
  session.idle().then(() => enough.abort());
  const conversation = new Conversation(session);
  let next = from;
  try {
    using progress = new Progress(extra, `${session.info.executor} has started`);
    for await (const line of follow(session, from, AbortSignal.any([enough.signal, signal]))) {
      for (const event of conversation.take(line).events) tell(progress, event, conversation);
      next = line.n + 1;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    enough.abort();
  }
  if (signal.aborted) throw new DOMException("Nobody waits for it any more", "AbortError");
  // The last lines may have come with the end itself.
  for (let rest = session.log.read(next); rest.length > 0; rest = session.log.read(next)) {
    for (const line of rest) conversation.take(line);
    next = rest.at(-1)!.n + 1;
  }
  return told(session, conversation.lastWords);
}

function tell(progress: Progress, event: Event, conversation: Conversation): void {
  const title = "title" in event ? event.title : undefined;
  if (event.sessionUpdate === "tool_call" && typeof title === "string") progress.tell(() => title);
  if (event.sessionUpdate === "agent_message_chunk") {
    progress.tell(() => conversation.lastWords.slice(-200));
  }
}

/** A session that has failed is no error of the tool: its reason is what the caller asked for. */
function told(session: Session, text: string): CallToolResult {
  return result({ session: session.info, text });
}
