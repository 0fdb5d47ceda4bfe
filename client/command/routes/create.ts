/**
 * What a new session takes, from the body or the query, under the names that clients use.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { Executor } from "../executors/mod.ts";
import { Problem } from "../problem.ts";
import { CreateSession } from "../schemas.ts";

/** Other names of fields: those of the first generation's clients. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["projectPath", "project_path"],
  ["approval_mode", "permission_mode"],
]);
/** Fields that are no text, when they come in a query. */
const FLAGS: readonly string[] = ["resume_last", "interactive"];
const LISTS: readonly string[] = ["extra_args"];

/** What a new session takes, for the document: with the executors and modes that there are. */
export function documentedCreate(
  executors: readonly Executor[],
  allowBypass: boolean,
): z.ZodType {
  const names = executors.map(({ name }) => name);
  const modes = executors.flatMap(({ modes }) =>
    modes.filter(({ bypass = false }) => allowBypass || !bypass)
      .flatMap(({ name, aliases = [] }) => [name, ...aliases])
  );
  return z.object({
    ...CreateSession.shape,
    executor: CreateSession.shape.executor.openapi({ enum: names }),
    permission_mode: CreateSession.shape.permission_mode.openapi({ enum: [...new Set(modes)] }),
  }).openapi("CreateSession", {
    example: { executor: names[0], prompt: "Explain what this project does" },
  });
}

/**
 * Reads a request for a session; a field of the body goes before the same in the query.
 *
 * @param text the body; JSON, or empty.
 * @throws {Problem} 400 that names each field that is missing or wrong.
 */
export function readCreate(query: URLSearchParams, text: string): CreateSession {
  const given = { ...fromQuery(query), ...byOurNames(Object.entries(parse(text))) };
  const result = CreateSession.safeParse(given);
  if (result.success) return result.data;
  throw invalid(result.error.issues);
}

/** The 400 that names each field. */
export function invalid(
  issues: readonly { path: readonly PropertyKey[]; message: string }[],
): Problem {
  const errors = issues.map(({ path, message }) => ({
    field: path.map(String).join(".") || "body",
    message: message.endsWith("received undefined") ? "It is missing" : message,
  }));
  const fields = [...new Set(errors.map(({ field }) => field))].join(", ");
  return new Problem(400, `Missing or wrong: ${fields}`, { errors });
}

function parse(text: string): object {
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem(400, "The body is no JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalid([{ path: [], message: "Expected an object of JSON" }]);
}

function fromQuery(query: URLSearchParams): Record<string, unknown> {
  const fields = [...new Set(query.keys())].map((name): [string, unknown] => {
    if (LISTS.includes(name)) return [name, query.getAll(name)];
    const value = query.get(name)!;
    return [name, FLAGS.includes(name) ? flag(value) : value];
  });
  // Bytes have no place in a URL, which ends up in logs on its way.
  return byOurNames(fields.filter(([name]) => name !== "attachments"));
}

/** What is no flag stays as it is, to be refused with its name. */
function flag(value: string): unknown {
  if (["", "1", "true"].includes(value)) return true;
  return ["0", "false"].includes(value) ? false : value;
}

/** A field under its own name goes before the same under another. */
function byOurNames(fields: readonly [string, unknown][]): Record<string, unknown> {
  const others = fields.filter(([name]) => ALIASES.has(name))
    .map(([name, value]) => [ALIASES.get(name)!, value] as const);
  const own = fields.filter(([name]) => !ALIASES.has(name));
  return Object.fromEntries([...others, ...own]);
}
