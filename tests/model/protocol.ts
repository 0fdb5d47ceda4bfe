/**
 * What the protocols have in common.
 *
 * @module
 */

import { z } from "zod";
import type { Part, Plan, Turn } from "./plan.ts";
import type { Schema } from "./schema.ts";

/** What a protocol answers with: everything but failures. */
export type Answer = Exclude<Plan, { kind: "fail" }>;

/** One way to talk with a model over HTTP. */
export interface Protocol {
  /** For logs and tests. */
  name: string;
  /** The end of the paths that speak it. */
  path: RegExp;
  /**
   * Understands a request.
   *
   * @throws {Malformed | z.ZodError} when the real service would refuse it.
   */
  read(path: string, body: unknown): Turn;
  /** The answer as server-sent events; `spoken` is its text, piece by piece. */
  stream(
    turn: Turn,
    answer: Answer,
    spoken: AsyncIterable<string>,
    ids: Ids,
  ): AsyncIterable<string>;
  /** The answer in one piece. */
  whole(turn: Turn, answer: Answer, text: string, ids: Ids): unknown;
  /** The body of a failure. */
  failure(status: number, message: string): unknown;
}

/** A request that no client ought to send. */
export class Malformed extends Error {
  override name = "Malformed";
}

/** Makes ids that are the same in every run. */
export type Ids = (prefix: string) => string;

/** One server-sent event. */
export function event(data: unknown, type?: string): string {
  const name = type === undefined ? "" : `event: ${type}\n`;
  return `${name}data: ${JSON.stringify(data)}\n\n`;
}

/** A JSON schema; only its use shows what is wrong with it. */
export const schemaType = z.custom<Schema>((it) => typeof it === "object" && it !== null);

/**
 * Checks that every call of a tool has one result, and every result its call: services refuse the
 * conversation otherwise.
 *
 * @throws {Malformed}
 */
export function paired(calls: readonly string[], results: readonly string[]): void {
  const alone = calls.find((id) => !results.includes(id));
  if (alone !== undefined) throw new Malformed(`the call ${alone} has no result`);
  const foreign = results.find((id) => !calls.includes(id));
  if (foreign !== undefined) throw new Malformed(`the result of ${foreign} has no call`);
}

/** What came after the model's last turn. */
export function sinceModel<T>(all: readonly T[], isModel: (one: T) => boolean): T[] {
  return all.slice(all.findLastIndex(isModel) + 1);
}

/** What a tool has said, given in parts; its images stand beside it. */
export function resultOf(parts: readonly Part[]): Part[] {
  const text = parts.flatMap((part) => part.kind === "text" ? [part.text] : []).join("\n");
  return [...parts.filter(({ kind }) => kind === "image"), { kind: "result", text }];
}

/** An image in a `data:` URL. */
export function imageOf(url: string): Part {
  return { kind: "image", mediaType: url.slice("data:".length, url.indexOf(";")) };
}

/** What such a URL looks like. */
export const imageUrl = z.string().regex(/^data:image\/[a-z]+;base64,[A-Za-z0-9+/]+=*$/);
