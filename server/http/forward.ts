/**
 * The head as it goes on to the service, and the response as it goes back: every byte as it came
 * but for the lines named here.
 *
 * @module
 */

import { Block, latin1Bytes, putLatin1 } from "@agentx/common";
import { hasToken, type Head, type Header, header, type RequestHead } from "@agentx/common/http";
import { isVisitorToken, type VisitorClaims } from "@agentx/common/visitor-token";
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
  /** Names of other clients in the request, which are none of it either. */
  others?: readonly string[];
  /** What the visitor token that let the visitor in is limited to. */
  limits?: Pick<VisitorClaims, "path" | "method">;
}

/** Lines that are written anew. */
const WRITTEN: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
]);

/** Lines by which some frameworks let a request ask for another path than its target's. */
const OTHER_PATH: ReadonlySet<string> = new Set(["x-original-url", "x-rewrite-url"]);

/** Lines by which some frameworks let a request have another method than its own. */
const OTHER_METHOD: ReadonlySet<string> = new Set([
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
]);

/** A name as programs see it that, like CGI, make one sign of all that are no letters or digits. */
function folded(name: string): string {
  return /^[a-z0-9-]*$/.test(name) ? name : name.replace(/[^a-z0-9]/g, "-");
}

/** Whether a line tells for whom or for which address a proxy forwards. */
function tellsOfProxies(name: string): boolean {
  return name.startsWith("x-forwarded-") || name === "forwarded" || name === "x-real-ip";
}

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

const F = 102;
const X = 120;

/** Whether a line is kept from the service, by a name that begins with `x` or `f`. */
function isKeptBack(name: string, { trusted, limits }: Forwarded): boolean {
  const plain = folded(name);
  // A proxy writes the usual name, and passes on what a visitor made of another that is read alike.
  if (tellsOfProxies(plain)) return !trusted || plain !== name || WRITTEN.has(plain);
  return (limits?.path !== undefined && OTHER_PATH.has(plain)) ||
    (limits?.method !== undefined && OTHER_METHOD.has(plain));
}

/** `Connection` without names of lines that the next proxy must not take away, RFC 9110 §7.6.1. */
function connectionLine(value: string): string | undefined {
  if (!/forwarded|real/i.test(value)) return value;
  return value.split(",").filter((option) => !tellsOfProxies(folded(option.trim().toLowerCase())))
    .join(",").trim() || undefined;
}

/** `Cookie` without ours, which may name another client. */
function otherCookies(value: string): string | undefined {
  if (!value.includes(COOKIE)) return value;
  const kept = value.split(";").filter((pair) => pair.split("=", 1)[0]!.trim() !== COOKIE);
  return kept.join(";").trim() || undefined;
}

/** A line's value as the service gets it, the same text if nothing changes; undefined for no line. */
function passedOn({ name, value }: Header, forwarded: Forwarded): string | undefined {
  const { tokens, others } = forwarded;
  switch (name) {
    case "cookie":
      return otherCookies(value);
    case "connection":
      return connectionLine(value);
    case "referer":
      return tokens || others !== undefined ? withoutTokens(value, others) : value;
    case "x-arp-token":
      return others?.includes(value) || (tokens && isVisitorToken(withoutMark(value)))
        ? undefined
        : value;
  }
  const letter = name.charCodeAt(0);
  return (letter === F || letter === X) && isKeptBack(name, forwarded) ? undefined : value;
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
  // HTTP/2 on the same connection would bring requests that nobody routes or checks. A server may
  // ignore the wish, RFC 9110 §7.8.
  const h2c = hasToken(head, "upgrade", "h2c");
  const kept: [from: number, to: number][] = target === undefined ? [[0, firstLine]] : [];
  let from = firstLine;
  for (const line of head.headers) {
    const { name, start, end } = line;
    const dropped = h2c && (name === "upgrade" || name === "http2-settings");
    const value = dropped ? undefined : passedOn(line, forwarded);
    if (value === line.value) continue;
    kept.push([from, start]);
    from = end;
    if (value !== undefined) added += `${name}: ${value}\r\n`;
  }
  const start = target === undefined
    ? added
    : `${head.method} ${target} HTTP/1.${head.minor}\r\n${added}`;
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
