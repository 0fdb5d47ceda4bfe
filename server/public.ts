/**
 * The public port: accept, recognise, route, serve.
 *
 * @module
 */

import { acceptLoop, type Conn, getLogger, linger, type Listener, writeAll } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { Farewells } from "./farewell.ts";
import { answer } from "./http/answer.ts";
import { HttpSession, type SessionOptions } from "./http/session.ts";
import { serveRaw } from "./raw.ts";
import { recognise, type RecogniseOptions } from "./recognise.ts";
import type { Client } from "./registry.ts";
import type { Router } from "./router.ts";
import type { Match } from "./sniff/mod.ts";
import type { Visitor } from "./visitor.ts";
import type { Live, Visitors } from "./visitors.ts";

const log = getLogger(["arps", "public"]);
const farewells = new Farewells();
/** Of a server that is full: each holds one of the descriptors that it lacks. */
const lastFarewells = new Farewells(16);

/** The port on which every visitor says for whom it comes. */
export class PublicPort {
  constructor(
    private readonly listener: Listener,
    private readonly router: Router,
    private readonly visitors: Visitors,
    private readonly options: RecogniseOptions & SessionOptions,
  ) {}

  /** Accepts until the listener is closed. */
  run(): Promise<void> {
    return acceptLoop(this.listener, log, (conn) => {
      void this.visitors.welcome(conn, (live) => this.#serveUntilEnd(live), turnAway);
    });
  }

  async #serveUntilEnd(live: Live): Promise<string> {
    try {
      return await this.#serve(live);
    } finally {
      live.visitorToken = this.router.tokens.leave(live.visitor);
    }
  }

  async #serve(live: Live): Promise<string> {
    const found = await recognise(live.visitor, this.router, this.options);
    if (typeof found === "string") return found;
    if (found.kind === "reject") {
      live.protocol = found.protocol;
      await leaveWith(live.visitor, found.reply);
      return `rejected: ${found.why}`;
    }
    const match = found.kind === "http" ? await this.#serveHttp(live) : found;
    if (typeof match === "string") return match;
    live.protocol = match.protocol;
    try {
      const { visitor } = live;
      const client = await this.router.settle.until(
        visitor,
        () => this.router.reach(match.to, visitor),
      );
      live.clients = [client.tag];
      // Who wants to end something must not wait until something ends.
      if (match.to === undefined || !("session" in match.to)) this.router.admit(client);
      return await serveMatch(live, client, match, this.router);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return await refuse(live, match, error);
    }
  }

  /** Serves requests; a match when one asks for raw bytes. */
  async #serveHttp(live: Live): Promise<string | Match> {
    live.protocol = "http";
    const { drain, abort, rest, visitor } = live;
    const session = new HttpSession(live.visitor, this.router, this.options);
    live.drain = (quiet) => session.drain(quiet);
    live.abort = (why) => session.abort(why);
    live.rest = () => session.rest();
    live.requests = () => session.requests;
    visitor.resting = () => session.resting;
    if (this.visitors.draining) session.drain(false);
    try {
      return await session.run();
    } finally {
      Object.assign(live, { drain, abort, rest });
      visitor.resting = () => false;
      live.clients = [...session.clients];
    }
  }
}

/**
 * Serves a visitor of a known client as raw bytes.
 *
 * @throws {Refusal} when it is turned away.
 */
export async function serveMatch(
  live: Live,
  client: Client,
  match: Match,
  { sessions }: Pick<Router, "sessions">,
): Promise<string> {
  live.clients = [client.tag];
  const ended = new AbortController();
  const { abort } = live;
  live.abort = (why) => {
    abort(why);
    ended.abort();
  };
  const end = await serveRaw(live.visitor, client, match, sessions, ended.signal);
  if (end === "aborted") throw new Error(end);
  return end;
}

/** Says in the visitor's protocol why it is turned away. The log gets no message: it may name a client. */
async function refuse({ visitor }: Live, match: Match, refusal: Refusal): Promise<string> {
  visitor.refused(refusal.status);
  const words = match.refuse?.(refusal);
  if (words !== undefined) await leaveWith(visitor, words);
  return `refused ${refusal.status}`;
}

/** Says its last words to a visitor. */
async function leaveWith({ conn, peek }: Visitor, words: Uint8Array): Promise<void> {
  await writeAll(conn, words).catch(() => {});
  await linger(peek);
}

/** Over a limit: most visitors speak HTTP, and for them there is an answer. */
function turnAway(conn: Conn, why: Refusal): Promise<void> {
  const some = why.status === 503 ? lastFarewells : farewells;
  return some.say(conn, answer(why, undefined, false));
}
