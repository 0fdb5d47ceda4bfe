/**
 * Answers of the door itself: `application/problem+json`, like those of the API behind it.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9457 | RFC 9457: Problem Details for HTTP APIs}
 * @module
 */

import { join } from "@agentx/common";
import type { Refusal, RequestHead } from "@agentx/common/http";
import { Problem, PROBLEM_TITLES } from "../problem.ts";

/** Titles of the statuses that only the door answers with, RFC 9110 §15 and RFC 6585 §5. */
const TITLES: Readonly<Record<number, string>> = {
  ...PROBLEM_TITLES,
  307: "Temporary Redirect",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  504: "Gateway Timeout",
};

const encoder = new TextEncoder();

/**
 * The bytes of an answer.
 *
 * @param request the request it answers, if it could be read: the answer to a `HEAD` has no body.
 * @param keepAlive whether further requests are welcome on the connection.
 */
export function answer(
  error: Refusal | Problem,
  request: RequestHead | undefined,
  keepAlive: boolean,
): Uint8Array {
  const { status, retryAfter } = error;
  const title = TITLES[status] ?? "Error";
  const detail = error instanceof Problem ? error.detail : sentences(error);
  const more = error instanceof Problem ? error.more : {};
  const body = encoder.encode(
    JSON.stringify({ type: "about:blank", title, status, detail, ...more }),
  );
  const lines = [
    "Content-Type: application/problem+json",
    "X-Content-Type-Options: nosniff",
    ...(status === 401 ? ['WWW-Authenticate: Bearer realm="arpc"'] : []),
    ...(retryAfter === undefined ? [] : [`Retry-After: ${Math.max(1, Math.ceil(retryAfter))}`]),
  ];
  const head = headOf(status, lines, body.length, keepAlive);
  return request?.method === "HEAD" ? head : join(head, body);
}

/** Sends a browser to the same place with a slash at the end. */
export function moved(location: string, keepAlive: boolean): Uint8Array {
  return headOf(307, [`Location: ${location}`], 0, keepAlive);
}

function headOf(status: number, lines: string[], length: number, keepAlive: boolean): Uint8Array {
  return encoder.encode([
    `HTTP/1.1 ${status} ${TITLES[status] ?? "Error"}`,
    `Date: ${new Date().toUTCString()}`,
    ...lines,
    `Content-Length: ${length}`,
    "Cache-Control: no-store",
    `Connection: ${keepAlive ? "keep-alive" : "close"}`,
    "",
    "",
  ].join("\r\n"));
}

function sentences({ message, hint }: Refusal): string {
  return hint === "" ? message : `${message}. ${hint}`;
}
