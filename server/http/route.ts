/**
 * Which client a request is for: every place a token may stand in, in the order they are tried.
 *
 * @module
 */

import { CLIENT_ID } from "@agentx/common";
import { header, Refusal, type RequestHead } from "@agentx/common/http";
import { isVisitorToken } from "@agentx/common/visitor-token";
import { withoutMark } from "../visitor_token/uses.ts";

/** Name of the cookie that keeps a browser with the client it navigated to. */
export const COOKIE = "arp_token";

/** A token found in a request. It need not be the id of any client. */
export interface Candidate {
  token: string;
  place: "query" | "header" | "host" | "referer" | "cookie";
  /** The target to send on when the token carried a path (`?token=ID/rest`). */
  target?: string;
}

/**
 * All tokens of a request, best place first. An application may use a `token` parameter of its own
 * (the hot-reload socket of a development server does), so the caller takes the first candidate
 * that names a client.
 *
 * A host name under the domain is one client's origin: a link to it that could name another client
 * would hand that one the visitor's cookies for it. There no other id counts, and the caller takes a
 * visitor token for that client alone.
 *
 * @param domain `--domain`, if any: the first label of a host below it is a token.
 * @throws {Refusal} 400 when the target is a URL of another host than `Host` says, and one of them
 * is under the domain.
 */
export function candidates(head: RequestHead, domain?: string): Candidate[] {
  const found = fromTarget(head.target);
  const named = header(head, "x-arp-token");
  if (named) found.push({ token: named, place: "header" });
  const host = header(head, "host");
  const label = domain === undefined ? undefined : labelOf(head, host, domain);
  if (label !== undefined) found.push({ token: label, place: "host" });
  const referer = header(head, "referer");
  if (referer !== undefined && host !== undefined) {
    for (const { token } of fromReferer(referer, host)) found.push({ token, place: "referer" });
  }
  for (const { name, value } of head.headers) {
    if (name === "cookie") found.push(...fromCookie(value));
  }
  if (label === undefined) return found;
  return found.filter(({ token, place }) => place === "host" || isVisitorToken(withoutMark(token)));
}

function fromReferer(referer: string, host: string): Candidate[] {
  const rest = /^https?:\/\/([^/?#]*)(.*)$/i.exec(referer);
  return rest !== null && rest[1]!.toLowerCase() === host.toLowerCase() ? fromTarget(rest[2]!) : [];
}

function fromCookie(value: string): Candidate[] {
  return value.split(";").map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${COOKIE}=`))
    .map((pair) => ({ token: pair.slice(COOKIE.length + 1), place: "cookie" }));
}

/** The label that a request's host names. A service may go by the URL or by `Host`, RFC 9112 §3.2.2. */
function labelOf(head: RequestHead, host: string | undefined, domain: string): string | undefined {
  const label = host === undefined ? undefined : labelUnder(host, domain);
  if (head.target.startsWith("/") || head.target === "*") return label;
  const [, , authority = ""] = head.target.split(/[/?#\\]/, 3);
  const other = labelUnder(authority.slice(authority.lastIndexOf("@") + 1), domain);
  if (host !== undefined && other !== label) {
    throw new Refusal(400, "Malformed request: its URL and its Host name different hosts");
  }
  return other;
}

/**
 * The label in front of the domain, in lower case as host names are; port and final dots ignored. It
 * is empty, and so nobody's, where the host name is none.
 */
function labelUnder(host: string, domain: string): string | undefined {
  const name = host.toLowerCase().replace(/:.*$/, "").replace(/\.+$/, "");
  const suffix = "." + domain.toLowerCase();
  if (!name.endsWith(suffix)) return undefined;
  const label = name.slice(0, -suffix.length);
  return label.slice(label.lastIndexOf(".") + 1);
}

function fromTarget(whole: string): Candidate[] {
  // A fragment is no part of a request, but a Referer may be any URL.
  const [target = ""] = whole.split("#", 1);
  const mark = target.indexOf("?");
  if (mark < 0) return [];
  const path = target.slice(0, mark);
  const query = target.slice(mark + 1);
  const parts = query.split("&");
  const found: Candidate[] = [];
  for (const [index, part] of parts.entries()) {
    if (!part.startsWith("token=")) continue;
    const { token, rest } = splitToken(part.slice("token=".length));
    if (rest === undefined) found.push({ token, place: "query" });
    else {
      const others = parts.filter((_, other) => other !== index);
      found.push({ token, place: "query", target: joinTarget(path, rest, others) });
    }
  }
  return found;
}

/**
 * Takes the value of a `token` parameter apart. A slash that stands as such leaves the rest as it
 * is; one that is percent-encoded means that the whole value was, and it is decoded once.
 */
function splitToken(value: string): { token: string; rest?: string } {
  // `token=$(grep client-id ~/.arp-client/config)` gives `token=client-id=ID`.
  const raw = value.replace(/^client-id(=|%3D)/i, "");
  const slash = /\/|%2F/i.exec(raw);
  const token = decode(slash === null ? raw : raw.slice(0, slash.index));
  if (slash === null) return { token };
  const rest = raw.slice(slash.index + slash[0].length);
  return { token, rest: slash[0] === "/" ? rest : encodeUnsafe(decode(rest)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Makes decoded text fit for a request target again: no white space, control or non-ASCII. */
function encodeUnsafe(text: string): string {
  return text.replace(/[^\x21-\x7e]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
}

function joinTarget(path: string, rest: string, others: string[]): string {
  const fragment = rest.indexOf("#");
  const [tail = "", ...queries] = (fragment < 0 ? rest : rest.slice(0, fragment)).split("?");
  const base = path.endsWith("/") ? path : path + "/";
  const query = [queries.join("?"), ...others].filter((part) => part !== "").join("&");
  return base + tail.replace(/^\/+/, "") + (query === "" ? "" : "?" + query);
}

/**
 * A target, or the URL of a `Referer`, without the tokens in its query that are none of a service's
 * business: visitor tokens, and `others`.
 */
export function withoutTokens(whole: string, others: readonly string[] = []): string {
  const [target = "", ...fragment] = whole.split("#");
  const mark = target.indexOf("?");
  if (mark < 0) return whole;
  const parts = target.slice(mark + 1).split("&");
  const kept = parts.filter((part) => {
    if (!part.startsWith("token=")) return true;
    const { token } = splitToken(part.slice("token=".length));
    return !others.includes(token) && !isVisitorToken(withoutMark(token));
  });
  if (kept.length === parts.length) return whole;
  const query = kept.length === 0 ? "" : "?" + kept.join("&");
  return [target.slice(0, mark) + query, ...fragment].join("#");
}

/**
 * The same page of the same host, as a `Location`: a path that begins with two slashes, or one and a
 * backslash, would name another host.
 */
export function locationOf(target: string): string {
  const rest = target.replace(/^https?:\/\/[^/?#\\]*/i, "");
  const path = rest.startsWith("/") ? rest : "/" + rest;
  return (/^\/[/\\]/.test(path) ? "/." : "") +
    path.replace(/[^\x21-\x7e]/g, (byte) => "%" + byte.charCodeAt(0).toString(16).padStart(2, "0"));
}

/** A token as it may stand in an answer: one that could be an id, else a placeholder. */
export function showToken(token: string): string {
  return CLIENT_ID.test(token) ? token : "(not a valid client id)";
}
