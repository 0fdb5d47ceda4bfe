/**
 * A plain client of the stub, for its own tests.
 *
 * @module
 */

import { equal } from "node:assert/strict";
import { readEvents, type ServerEvent } from "../sse.ts";
import type { Model } from "./mod.ts";

/** What a test of the stub needs; for `peerTest`. */
export const LOOPBACK: readonly Deno.PermissionDescriptor[] = [{ name: "net", host: "127.0.0.1" }];

// deno-lint-ignore no-explicit-any -- tests look deep into answers of many shapes
export type Json = any;

/** Sends a request. */
export function send(
  model: Model,
  path: string,
  body: unknown,
  { key = "x-api-key", signal }: { key?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(model.url + path, {
    method: "POST",
    headers: { [key]: "fake", "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    signal: signal ?? null,
  });
}

/** A whole answer. */
export async function ask(model: Model, path: string, body: unknown): Promise<Json> {
  const response = await send(model, path, body);
  equal(response.status, 200);
  equal(response.headers.get("content-type"), "application/json");
  return await response.json();
}

/** A stream's events. */
export async function stream(model: Model, path: string, body: unknown): Promise<ServerEvent[]> {
  const response = await send(model, path, body);
  equal(response.status, 200);
  equal(response.headers.get("content-type"), "text/event-stream");
  return await Array.fromAsync(readEvents(response.body!));
}

/** What the stub answers to requests that no service would take. */
export async function refusals(
  model: Model,
  path: string,
  bodies: readonly unknown[],
): Promise<Json[]> {
  const answers = [];
  for (const body of bodies) {
    const response = await send(model, path, body);
    equal(response.status, 400, JSON.stringify(body));
    answers.push(await response.json());
  }
  equal(model.refused.splice(0).length, bodies.length);
  return answers;
}
