/**
 * The head as it goes on to the service, and the response as it goes back: every byte as it came
 * but for the lines named here.
 *
 * @module
 */

import { Block, latin1Bytes, putLatin1 } from "@agentx/common";
import { hasToken, type Head, type Header, header, type RequestHead } from "@agentx/common/http";
import { isVisitorToken } from "@agentx/common/visitor-token";
import { withoutMark } from "../visitor_token/uses.ts";
import { COOKIE, withoutTokens } from "./route.ts";

/** What the service is told about the visitor. */
export interface Forwarded {
  /** The visitor's address. */
  address: string;
  proto: "http" | "https";
  /** Whether the peer may itself say for whom it forwards (`--trusted-proxies`). */
  trusted: boolean;
  /** Whether there are visitor tokens in the request, which are none of the service's business. */
  tokens?: boolean;
}

/** Lines that only a trusted proxy may send. */
const SPOOFABLE: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
]);

/** The `X-Forwarded-*` lines for a request. */
function forwardedLines(head: RequestHead, { address, proto, trusted }: Forwarded): string {
  const told = (name: string) => trusted ? header(head, name) : undefined;
  const chain = trusted
    ? head.headers.filter(({ name }) => name === "x-forwarded-for").map(({ value }) => value)
    : [];
  const host = told("x-forwarded-host") ?? header(head, "host");
  return `X-Forwarded-For: ${[...chain, address].join(", ")}\r\n` +
    `X-Forwarded-Proto: ${told("x-forwarded-proto") ?? proto}\r\n` +
    (host === undefined ? "" : `X-Forwarded-Host: ${host}\r\n`);
}

/** A header line's value without the visitor tokens in it; undefined when nothing is left. */
function withoutToken({ name, value }: Header): string | undefined {
  switch (name) {
    case "x-arp-token":
      return isVisitorToken(withoutMark(value)) ? undefined : value;
    case "referer":
      return withoutTokens(value);
    case "cookie":
      return value.split(";").filter((pair) => {
        const [key, text = ""] = pair.trim().split("=");
        return key !== COOKIE || !isVisitorToken(withoutMark(text));
      }).join(";").trim() || undefined;
    default:
      return value;
  }
}

/**
 * The request's head for the service, followed by as many bytes of the body as are at hand.
 *
 * @param bytes the request from its first byte on.
 * @param end where, in `bytes`, what is at hand of this request ends.
 * @param target the new target, if the token carried a path.
 */
export function forwardRequest(
  bytes: Uint8Array,
  head: RequestHead,
  end: number,
  forwarded: Forwarded,
  target?: string,
): Block {
  const firstLine = head.startLine.length + 2;
  let added = forwardedLines(head, forwarded);
  const changed = new Set<Header>();
  // HTTP/2 on the same connection would bring requests that nobody routes or checks. A server may
  // ignore the wish, RFC 9110 §7.8.
  const h2c = hasToken(head, "upgrade", "h2c");
  for (const line of forwarded.tokens ? head.headers : []) {
    const value = withoutToken(line);
    if (value === line.value) continue;
    changed.add(line);
    if (value !== undefined) added += `${line.name}: ${value}\r\n`;
  }
  const start = target === undefined
    ? added
    : `${head.method} ${target} HTTP/1.${head.minor}\r\n${added}`;
  const kept: [from: number, to: number][] = target === undefined ? [[0, firstLine]] : [];
  let from = firstLine;
  for (const line of head.headers) {
    const { name, start, end } = line;
    const spoofable = SPOOFABLE.has(name) && (name !== "forwarded" || !forwarded.trusted);
    const dropped = h2c && (name === "upgrade" || name === "http2-settings");
    if (!spoofable && !dropped && !changed.has(line)) continue;
    kept.push([from, start]);
    from = end;
  }
  kept.push([from, end]);
  const block = new Block(kept.reduce((sum, [from, to]) => sum + to - from, start.length));
  let at = 0;
  const copy = ([from, to]: [number, number]) => {
    block.bytes.set(bytes.subarray(from, to), at);
    at += to - from;
  };
  if (target === undefined) copy(kept.shift()!);
  at = putLatin1(block.bytes, start, at);
  kept.forEach(copy);
  return block;
}

/** Whether a browser loads a page with this request, and not one of its parts. */
export function isNavigation(head: RequestHead): boolean {
  if (head.method !== "GET") return false;
  const mode = header(head, "sec-fetch-mode");
  if (mode !== undefined) return mode === "navigate";
  return (header(head, "accept") ?? "").includes("text/html") &&
    header(head, "upgrade") === undefined;
}

/**
 * The `Set-Cookie` line that keeps a browser with a client.
 *
 * @param maxAge in seconds; until the browser is closed if absent.
 */
export function cookieLine(token: string, secure: boolean, maxAge?: number): string {
  return `Set-Cookie: ${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax${
    secure ? "; Secure" : ""
  }${maxAge === undefined ? "" : `; Max-Age=${maxAge}`}\r\n`;
}

/** `bytes`, which start with `head`, with further header lines at its end. */
export function addLines(bytes: Uint8Array, head: Head, lines: string): Uint8Array {
  const blank = head.size - 2;
  return concat([bytes.subarray(0, blank), latin1Bytes(lines), bytes.subarray(blank)]);
}

/** The pieces in one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
