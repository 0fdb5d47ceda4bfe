/**
 * Questions of CLIs that run elsewhere, and ask through MCP or as cui's own tool does.
 *
 * @module
 */

import type { Approvals } from "./approvals.ts";
import type { Answer, Question } from "./drivers/mod.ts";
import { Problem } from "./problem.ts";
import type { Permission } from "./schemas.ts";

/** Questions that may wait at a time, of one session here, or of none. */
const MAX_PENDING = 100;
const MAX_TITLE = 200;

/** Fields that tell a person most of what a tool is about to do. */
const TELLING = ["command", "file_path", "path", "url", "pattern", "query", "description"];

/**
 * Brings such a question to a person.
 *
 * @param session the session here that it belongs to, if there is one.
 * @throws {Problem} 429 when too many wait already.
 */
export function askFromElsewhere(
  approvals: Approvals,
  session: string | undefined,
  question: Pick<Question, "tool" | "input" | "toolCallId" | "scopes">,
  signal: AbortSignal,
): { permission: Permission; answer: Promise<Answer> } {
  if (approvals.pending(session) >= MAX_PENDING) {
    throw new Problem(429, `${MAX_PENDING} questions wait for an answer already`, {}, 60);
  }
  const title = titleOf(question.tool, question.input);
  return approvals.ask(session, { ...question, title, editable: true }, signal);
}

/** One line for a person. */
function titleOf(tool: string, input: unknown): string {
  const fields = typeof input === "object" && input !== null ? Object.entries(input) : [];
  const telling = TELLING.map((name) => fields.find(([field]) => field === name)?.[1])
    .find((value) => typeof value === "string" && value !== "");
  const line = telling === undefined ? tool : `${tool}: ${telling}`;
  return line.replace(/\s+/g, " ").slice(0, MAX_TITLE);
}
