/**
 * From a new connection to what it speaks: reads until a sniffer knows, answers what has to be
 * answered before, and greets a visitor that waits for the server to speak first.
 *
 * @module
 */

import { type Conn, linger, reason, writeAll } from "@agentx/common";
import { shakeHandsWithin } from "@agentx/common/tls";
import { answer } from "./http/answer.ts";
import { Patience } from "./patience.ts";
import { tooSlow } from "./refusals.ts";
import type { Router } from "./router.ts";
import { sniffHttp } from "./sniff/http.ts";
import { type Match, sniff, type Sniffer, type Verdict } from "./sniff/mod.ts";
import type { Visitor } from "./visitor.ts";

/** Times in milliseconds. */
export interface RecogniseOptions {
  /** For the first bytes. */
  headTimeout: number;
  /** Silence after which a visitor is greeted, where a client wants that; 0 is never. */
  serverFirstWait: number;
}

/** Questions that are answered before a visitor says what it wants; PostgreSQL has two. */
const MAX_REPLIES = 4;

/** A visitor whose service speaks first, or that is nobody's but the default client's. */
const UNKNOWN: Match = { kind: "raw", protocol: "raw", to: undefined, size: 0 };

/** What a visitor turned out to be. */
export type Recognised = Extract<Verdict, { kind: "http" | "raw" | "reject" }>;

/** What the visitor speaks, or how it ended before that was known. */
export async function recognise(
  visitor: Visitor,
  router: Router,
  { headTimeout, serverFirstWait }: RecogniseOptions,
): Promise<Recognised | string> {
  const { peek, conn } = visitor;
  const { greetings } = router;
  // Before that nobody is greeted: on a port with TLS nothing is said without.
  const failed = await secure(conn, headTimeout);
  if (failed !== undefined) return failed;
  using patience = new Patience<"late" | "silent">(peek);
  patience.until(headTimeout, "late");
  if (serverFirstWait > 0 && (greetings.speaksFirst || router.settle.active)) {
    patience.until(serverFirstWait, "silent");
  }
  let replies = 0;
  let sniffer: Sniffer = sniff;
  for (;;) {
    const more = await patience.read();
    if (more === false) {
      if (sniffer !== sniff) return "greeted, left";
      return peek.size === 0 ? "left without a word" : "left unrecognised";
    }
    if (more === "late") {
      if (sniffer !== sniff || replies > 0) return "too slow";
      if (peek.size > 0 && sniffHttp(peek.bytes).kind === "more") {
        return await answerLate(visitor, headTimeout);
      }
      // Perhaps it waits for the service to speak; if not, nobody else will serve it.
      if (router.hasFallback) return { ...UNKNOWN, size: peek.size };
      return peek.size === 0 ? "stayed silent" : "too slow";
    }
    if (more === "silent") {
      if (peek.size > 0 || replies > 0) continue;
      if (greetings.fallbackSpeaksFirst) return UNKNOWN;
      // A browser takes for an answer what it finds on a connection that it opened ahead.
      if (greetings.mayBeBrowser(visitor)) continue;
      const greeting = greetings.greet(visitor);
      if (greeting === undefined) {
        // Its client may yet return.
        if (router.settle.active) patience.until(serverFirstWait, "silent");
        continue;
      }
      sniffer = greeting.sniff;
      await writeAll(conn, greeting.bytes);
      continue;
    }
    let verdict = sniffer(peek.bytes);
    while (verdict.kind === "reply") {
      if (++replies > MAX_REPLIES) return "asked too often";
      peek.consume(verdict.size);
      await writeAll(conn, verdict.reply);
      verdict = peek.size === 0 ? { kind: "more" } : sniffer(peek.bytes);
    }
    if (verdict.kind === "more") continue;
    if (verdict.kind !== "no") return verdict;
    if (sniffer !== sniff || !router.hasFallback) return "protocol not recognised";
    return { ...UNKNOWN, size: peek.size };
  }
}

/** How it ended, if TLS was expected and did not come about. */
async function secure(conn: Conn, headTimeout: number): Promise<string | undefined> {
  try {
    await shakeHandsWithin(conn, headTimeout);
    return undefined;
  } catch (error) {
    return `TLS: ${reason(error)}`;
  }
}

/** Half a request's head can be answered. */
async function answerLate(visitor: Visitor, headTimeout: number): Promise<string> {
  const { conn, peek } = visitor;
  const refusal = tooSlow(headTimeout);
  visitor.refused(refusal.status);
  await writeAll(conn, answer(refusal, undefined, false));
  await linger(peek);
  return `refused ${refusal.status}`;
}
