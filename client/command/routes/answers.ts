/**
 * Parts of the descriptions of routes that many of them share.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { PROBLEM_TITLES, type ProblemStatus } from "../problem.ts";

/** What an error looks like. */
export const ProblemBody = z.object({
  type: z.string().openapi({ example: "about:blank" }),
  title: z.string().openapi({ example: "Not Found" }),
  status: z.int().openapi({ example: 404 }),
  detail: z.string().openapi({
    description: "What was tried, what was found, what to do",
    example: "No session 'x'",
  }),
  errors: z.array(z.object({
    field: z.string().optional().openapi({
      description: "Where: `prompt`, `attachments.0.name`",
    }),
    location: z.string().optional().openapi({
      description: "The same as agentapi has it: `body.content`",
    }),
    message: z.string(),
  })).optional().openapi({ description: "Each field that is wrong" }),
  id: z.string().optional().openapi({ description: "Of the entry in arpc's log, for a 500" }),
}).openapi("Problem", { description: "RFC 9457: Problem Details for HTTP APIs" });

/** What any request may get. */
const ALWAYS: readonly ProblemStatus[] = [400, 401, 429, 500];
/** And what one may get that changes something. */
const CHANGING: readonly ProblemStatus[] = [403, 413, 415];

interface ProblemAnswer {
  description: string;
  content: { "application/problem+json": { schema: typeof ProblemBody } };
}

/** The errors of a route that only reads: these, and those that all have. */
export function problems(...more: ProblemStatus[]): Record<number, ProblemAnswer> {
  return Object.fromEntries(
    [...ALWAYS, ...more].sort().map((status) => [status, {
      description: PROBLEM_TITLES[status],
      content: { "application/problem+json": { schema: ProblemBody } },
    }]),
  );
}

/** The errors of a route that changes something: these, and those that all such have. */
export function changingProblems(...more: ProblemStatus[]): Record<number, ProblemAnswer> {
  return problems(...new Set([...CHANGING, ...more]));
}

/** An answer of JSON. */
export function json<T extends z.ZodType>(schema: T, description: string): {
  description: string;
  content: { "application/json": { schema: T } };
} {
  return { description, content: { "application/json": { schema } } };
}

/** A body of JSON that must be there. */
export function jsonBody<T extends z.ZodType>(schema: T): {
  required: true;
  content: { "application/json": { schema: T } };
} {
  return { required: true, content: { "application/json": { schema } } };
}

/** One event of a stream of them. */
export const ServerEvent = z.object({
  event: z.string().optional(),
  data: z.string(),
  id: z.string().optional(),
  retry: z.int().optional(),
}).openapi("ServerSentEvent");

/** Headers of a stream: nothing in between may keep or collect it. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

interface Bounds {
  min: number;
  max: number;
  description: string;
}

/** A whole number in a query, with what it is when it is missing. */
export function integer(
  { otherwise, ...bounds }: Bounds & { otherwise: number },
): z.ZodType<number, string | undefined> {
  return whole(bounds).default(otherwise)
    .openapi({ ...described(bounds), default: otherwise });
}

/** A whole number in a query that may be missing. */
export function optionalInteger(
  bounds: Bounds,
): z.ZodType<number | undefined, string | undefined> {
  return whole(bounds).optional().openapi(described(bounds));
}

function whole({ min, max }: Bounds) {
  return z.string().regex(/^\d{1,15}$/, `Expected a whole number from ${min} to ${max}`)
    .transform(Number).pipe(z.int().min(min).max(max));
}

function described({ min, max, description }: Bounds) {
  return { type: "integer" as const, minimum: min, maximum: max, description };
}

/** Which part of a list is wanted. */
export const PAGE = {
  limit: integer({ min: 1, max: 500, otherwise: 50, description: "Most entries wanted" }),
  offset: integer({ min: 0, max: 1e9, otherwise: 0, description: "Entries to leave out first" }),
};

/** The id of a session in a path. */
export const SESSION_PATH = z.object({
  id: z.string().min(1).max(200).openapi({
    param: { name: "id", in: "path" },
    description: "Our id of the session, or the CLI's own",
    example: "0198c0de-0000-7000-8000-000000000000",
  }),
});
