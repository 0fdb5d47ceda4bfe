/**
 * A visitor token in a request: what is asked of it, and what the visitor gets for it.
 *
 * @module
 */

import { header, Refusal, type RequestHead } from "@agentx/common/http";
import { plainAddress } from "../address.ts";
import { cookieLine, isNavigation } from "../http/forward.ts";
import { type Candidate, locationOf, withoutTokens } from "../http/route.ts";
import { wantsRaw } from "../http/upgrade.ts";
import type { Client } from "../registry.ts";
import type { Visitor } from "../visitor.ts";
import type { Admission, Visit } from "./mod.ts";

/** What a request with a token asks for. */
export function visitOf(
  { place, target }: Candidate,
  all: readonly Candidate[],
  head: RequestHead,
  visitor: Visitor,
  trusted: ReadonlySet<string> | undefined,
): Visit {
  return {
    visitor,
    address: visitor.trusted ? forwardedFor(head, trusted ?? new Set()) : visitor.address.hostname,
    request: wantsRaw(head) ? undefined : { method: head.method, target: target ?? head.target },
    cookie: place === "cookie",
    navigation: isNavigation(head) && (place === "query" || place === "cookie"),
    cookies: all.filter((other) => other.place === "cookie").map(({ token }) => token),
  };
}

/**
 * Where a request goes that was let in.
 *
 * @throws {Refusal} 303, to the same page without the token: an address is copied, logged and sent on
 * as `Referer`, a cookie is not.
 */
export function enter(
  { client, claims, cookie, fresh }: Admission,
  { place, target }: Candidate,
  head: RequestHead,
  secure: boolean,
): { client: Client; target: string; lines: string } {
  const plain = withoutTokens(target ?? head.target);
  const left = Math.max(1, Math.floor(claims.exp - Date.now() / 1000));
  const line = cookieLine(cookie, secure, left);
  if (place === "query" && isNavigation(head) && takesCookie(head)) {
    throw new Refusal(
      303,
      "Go on without the token",
      "It is in a cookie now.",
      undefined,
      `Location: ${locationOf(plain)}\r\nReferrer-Policy: no-referrer\r\n${line}`,
    );
  }
  return { client, target: plain, lines: fresh && place === "cookie" ? line : "" };
}

/** A frame on a page of another site gets no cookie of ours, and has to go on with the token. */
function takesCookie(head: RequestHead): boolean {
  const framed = header(head, "sec-fetch-dest") ?? "document";
  return framed === "document" || header(head, "sec-fetch-site") !== "cross-site";
}

/** The last address that no proxy of ours has; before that anybody may have written what they like. */
function forwardedFor(head: RequestHead, trusted: ReadonlySet<string>): string | undefined {
  const chain = head.headers.filter(({ name }) => name === "x-forwarded-for")
    .flatMap(({ value }) => value.split(","))
    .map((one) => plainAddress(one.trim().replace(/^\[(.*)\](?::\d+)?$/, "$1")));
  // Some write the port along.
  return chain.findLast((one) => !trusted.has(one))?.replace(/^([\d.]+):\d+$/, "$1");
}
