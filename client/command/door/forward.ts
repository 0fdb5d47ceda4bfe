/**
 * Heads as they go on to a local service, and back: the lines that concern one connection only are
 * written anew, all others pass as they came.
 *
 * `Location` and the `Path` of cookies in answers are left alone: nobody can tell which of a
 * service's paths are meant for a browser. A service that must know where it stands is told in
 * `X-Forwarded-Prefix`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 | RFC 9110 §7.6.1: Connection}
 * @module
 */

import { join, latin1, latin1Bytes } from "@agentx/common";
import { hasToken, header, type RequestHead, type ResponseHead } from "@agentx/common/http";
import type { Target } from "./target.ts";

/** Lines between us and the visitor alone, or that are written anew. */
const REPLACED: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "upgrade",
  "x-arp-port",
  "x-forwarded-prefix",
]);

/** Lines that tell where a message ends: no `Connection` may take them away. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** Whether a request asks for another protocol; HTTP/1.0 knows no upgrade. */
export function wantsUpgrade(head: RequestHead): boolean {
  return head.minor === 1 && hasToken(head, "connection", "upgrade") &&
    header(head, "upgrade") !== undefined;
}

/**
 * The request's head for the service, followed by what of its body is at hand.
 *
 * `Host` says `localhost`: that is what development servers that check it expect, whichever of its
 * addresses they listen on.
 *
 * @param bytes the request from its first byte on.
 * @param end where, in `bytes`, what is at hand of this request ends.
 * @param key our own API key: the lines that carry it are none of the service's business.
 */
export function forwardRequest(
  bytes: Uint8Array,
  head: RequestHead,
  end: number,
  { port, path, prefix }: Pick<Target, "port" | "path" | "prefix">,
  key: string | undefined,
): Uint8Array {
  const upgrade = wantsUpgrade(head);
  const named = connectionOptions(head);
  const kept = head.headers
    .filter(({ name, value }) =>
      !REPLACED.has(name) && (!named.has(name) || FRAMING.has(name)) && !carries(name, value, key)
    )
    .map(({ start, end }) => latin1(bytes, start, end));
  const lines = [
    `${head.method} ${path} HTTP/1.${head.minor}\r\n`,
    `Host: localhost:${port}\r\n`,
    ...kept,
    ...(prefix === undefined ? [] : [`X-Forwarded-Prefix: ${prefix}\r\n`]),
    ...(upgrade ? [`Upgrade: ${header(head, "upgrade")}\r\n`] : []),
    `Connection: ${upgrade ? "Upgrade" : "close"}\r\n`,
    "\r\n",
  ];
  return join(latin1Bytes(lines.join("")), bytes.subarray(head.size, end));
}

function connectionOptions(head: RequestHead): Set<string> {
  return new Set(
    head.headers.filter(({ name }) => name === "connection")
      .flatMap(({ value }) => value.toLowerCase().split(",").map((option) => option.trim())),
  );
}

function carries(name: string, value: string, key: string | undefined): boolean {
  return key !== undefined && (name === "authorization" || name === "x-api-key") &&
    value.includes(key);
}

/**
 * The head of a service's answer for the visitor, followed by what of its body is at hand.
 *
 * @param end where, in `bytes`, what is at hand of this answer ends.
 * @param keepAlive whether the visitor may send another request.
 */
export function forwardAnswer(
  bytes: Uint8Array,
  head: ResponseHead,
  end: number,
  keepAlive: boolean,
): Uint8Array {
  let text = "";
  let from = 0;
  for (const { name, start, end } of head.headers) {
    if (name !== "connection") continue;
    text += latin1(bytes, from, start);
    from = end;
  }
  text += latin1(bytes, from, head.size - 2) + (keepAlive ? "" : "Connection: close\r\n") + "\r\n";
  return join(latin1Bytes(text), bytes.subarray(head.size, end));
}
