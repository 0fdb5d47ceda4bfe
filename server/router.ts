/**
 * From a visitor to a client: the rules of routing, and who is turned away.
 *
 * @module
 */

import { HttpError } from "./http/error.ts";
import { cookieLine, type Forwarded, isNavigation } from "./http/forward.ts";
import { header, type RequestHead } from "./http/head.ts";
import { candidates, showToken } from "./http/route.ts";
import type { Client, Registry } from "./registry.ts";
import type { Visitor } from "./visitor.ts";

/** Options of a {@link Router}. */
export interface RouterOptions {
  /** First label of a host below it is a token. */
  domain?: string | undefined;
  /** Client of visitors that bring no token. */
  defaultClient?: string | undefined;
  /** Visitors of one client at a time. */
  maxVisitors: number;
}

/** Where a request goes, and what changes on the way. */
export interface Route {
  client: Client;
  target?: string;
  forwarded: Forwarded;
  /** Header lines for the answer. */
  lines: string;
}

/** Routes by what a visitor says. */
export class Router {
  constructor(private readonly registry: Registry, private readonly options: RouterOptions) {}

  /**
   * The route of a request.
   *
   * @throws {HttpError} 404 without a token or with one that nobody has, 503 when its client is
   * offline.
   */
  route(head: RequestHead, visitor: Visitor): Route {
    const proto = visitor.tls ||
        (visitor.trusted && header(head, "x-forwarded-proto")?.toLowerCase() === "https")
      ? "https"
      : "http";
    const forwarded: Forwarded = {
      address: visitor.address.hostname,
      proto: visitor.tls ? "https" : "http",
      trusted: visitor.trusted,
    };
    const found = candidates(head, this.options.domain);
    for (const { token, place, target } of found) {
      const client = this.registry.find(token);
      if (client === undefined) continue;
      const cookie = place === "query" && isNavigation(head);
      return {
        client,
        forwarded,
        lines: cookie ? cookieLine(token, proto === "https") : "",
        ...(target === undefined ? {} : { target }),
      };
    }
    const first = found[0];
    if (first === undefined) return { client: this.fallback(), forwarded, lines: "" };
    throw this.#unknown(found.map(({ token }) => token), first.token);
  }

  /** Whether a visitor without a token has a client. */
  get hasFallback(): boolean {
    return this.options.defaultClient !== undefined;
  }

  /**
   * The client of a visitor without a token.
   *
   * @throws {HttpError} 404 when there is none, 503 when it is offline.
   */
  fallback(): Client {
    const { defaultClient } = this.options;
    if (defaultClient === undefined) {
      throw new HttpError(
        404,
        "Client Token not found",
        "Add ?token=CLIENT-ID to the URL, or send the header X-ARP-Token.",
      );
    }
    return this.named(defaultClient);
  }

  /**
   * The client of a visitor whose protocol named it.
   *
   * @throws {HttpError} 404 when nobody has that token, 503 when its client is offline.
   */
  named(token: string): Client {
    const client = this.registry.find(token);
    if (client === undefined) throw this.#unknown([token], token);
    return client;
  }

  /** @throws {HttpError} 429 when the client has as many visitors as it may. */
  admit(client: Client): void {
    const { maxVisitors } = this.options;
    if (maxVisitors > 0 && client.visitors >= maxVisitors) {
      throw new HttpError(429, "This client has too many visitors", "Try again shortly.", 5);
    }
  }

  #unknown(tokens: string[], first: string): HttpError {
    const gone = tokens.find((token) => this.registry.wasHere(token));
    if (gone !== undefined) {
      return new HttpError(
        503,
        `Client '${showToken(gone)}' is offline`,
        "It was here a while ago. Is arpc running?",
        5,
      );
    }
    if (this.registry.clients.size === 0) {
      return new HttpError(503, "No active clients available", "Start arpc and try again.", 5);
    }
    return new HttpError(
      404,
      `Client '${showToken(first)}' not found`,
      "Check the token: it is the --client-id, or an --alias, of a running arpc.",
    );
  }
}
