/**
 * Bodies: small JSON objects, asked for and answered.
 *
 * @module
 */

import { Denied } from "./access.ts";

/** Largest body of a request in bytes. */
const MAX_BODY = 4096;

/** An answer. */
export function json(
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Response {
  return Response.json(value, { status, headers });
}

/**
 * The JSON object of a request, `{}` when it has no body.
 *
 * @throws {Denied} when it is anything else; a form of a foreign page cannot say that it is JSON.
 */
export async function bodyOf({ body, headers }: Request): Promise<Record<string, unknown>> {
  const text = await limited(body);
  if (text === "") return {};
  if (!/^application\/json\b/i.test(headers.get("content-type") ?? "")) {
    throw new Denied(415, "The body must be JSON, with Content-Type: application/json");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch { /* see below */ }
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new Denied(400, "The body must be a JSON object");
}

async function limited(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_BODY) throw new Denied(413, `The body is longer than ${MAX_BODY} bytes`);
  }
  return text + decoder.decode();
}
