/**
 * What every answer has in common: its safety headers, and how errors become answers.
 *
 * @module
 */

import { getLogger } from "@agentx/common";
import { HTTPException } from "@hono/hono/http-exception";
import type { MiddlewareHandler } from "@hono/hono";
import { Problem, PROBLEM_TITLES, problemResponse, type ProblemStatus } from "../problem.ts";

const log = getLogger(["arpc", "api"]);

/** Headers of every answer, unless it says otherwise itself. */
const ALWAYS: readonly (readonly [string, string])[] = [
  ["cache-control", "no-store"],
  ["content-security-policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"],
  ["cross-origin-resource-policy", "same-origin"],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
];

/** Adds what every answer has. */
export const finish: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of ALWAYS) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
  if (c.req.method === "HEAD") c.res = await withoutBody(c.res);
};

/** The same without the body, but with its length where it has one. A stream is ended. */
async function withoutBody(response: Response): Promise<Response> {
  const { body, headers } = response;
  const endless = /^(text\/event-stream|application\/x-ndjson)/.test(
    headers.get("content-type") ?? "",
  );
  if (body === null || endless || headers.has("content-length")) await body?.cancel();
  else headers.set("content-length", String((await response.arrayBuffer()).byteLength));
  return new Response(null, response);
}

/** The answer to a request that has failed. What nobody expected is logged, and shown by an id. */
export function failed(error: Error): Response {
  if (error instanceof Problem) return problemResponse(error);
  if (error instanceof HTTPException && error.status in PROBLEM_TITLES) {
    return problemResponse(new Problem(error.status as ProblemStatus, error.message));
  }
  const id = crypto.randomUUID();
  // Its message may have some of a prompt in it, but the places it came through do not.
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line)).join("\n");
  log.error("A request failed", { id, error: error.name, frames });
  const detail = `Something went wrong in arpc; its log has more under the id ${id}`;
  return problemResponse(new Problem(500, detail, { id }));
}
