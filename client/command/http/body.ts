/**
 * What may come as the body of a request: how much, and in which format.
 *
 * @module
 */

import { Problem } from "../problem.ts";

/** How deep arrays and objects may lie in one another; more could not be written again. */
const MAX_DEPTH = 256;

const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads the body of a request that may change something, and gives the same request with it in
 * memory.
 *
 * @param limit in bytes.
 * @param formats media types beside `application/json`.
 * @throws {Problem} 413 on a longer one, also where no length was told before; 415 on another
 * format; 400 on JSON that lies too deep, or a body that ended early.
 */
export async function readBody(
  request: Request,
  limit: number,
  formats: readonly string[] = [],
): Promise<Request> {
  const type = mediaType(request.headers.get("content-type"));
  const allowed = ["application/json", ...formats];
  // Also without a body: a page of another site can send the formats of forms without asking.
  if (type !== undefined && !allowed.includes(type) && !type.endsWith("+json")) {
    throw unsupported(`found Content-Type: ${type.slice(0, 100)}`, allowed);
  }
  if (request.body === null) return request;
  const bytes = await readAtMost(request, limit);
  if (bytes.length > 0 && type === undefined) throw unsupported("found no Content-Type", allowed);
  if (type?.endsWith("json") && depthOf(bytes) > MAX_DEPTH) {
    throw new Problem(400, `The JSON of the body is nested deeper than ${MAX_DEPTH} levels`);
  }
  // A copy of the whole request would also copy its signal, of which the runtime then warns.
  const { url, method, headers } = request;
  return new Request(url, { method, headers, body: bytes });
}

async function readAtMost(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLong = () => new Problem(413, `The body is longer than ${limit} bytes (--max-body-mb)`);
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLong();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of request.body!) {
      size += part.length;
      if (size > limit) throw tooLong();
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(400, "The body ended early");
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** How deep arrays and objects lie in one another; of what is no JSON, something. */
export function depthOf(json: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (quoted) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (OPEN.has(byte)) deepest = Math.max(deepest, ++depth);
    else if (CLOSE.has(byte)) depth--;
  }
  return deepest;
}

/** The media type without its parameters, in lower case. */
function mediaType(header: string | null): string | undefined {
  return header === null ? undefined : header.split(";", 1)[0]!.trim().toLowerCase();
}

function unsupported(found: string, allowed: readonly string[]): Problem {
  return new Problem(415, `Expected a body of ${allowed.join(" or ")}, ${found}`);
}
