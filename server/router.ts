/**
 * From a visitor to a client: the rules of routing, and who is turned away.
 *
 * @module
 */

import { header, Refusal, type RequestHead } from "@agentx/common/http";
import { cookieLine, type Forwarded, isNavigation } from "./http/forward.ts";
import { candidates, showToken } from "./http/route.ts";
import { Lately } from "./lately.ts";
import type { Client, Registry } from "./registry.ts";
import { Sessions } from "./sessions.ts";
import { type Destination, type Greeter, GREETERS, type Greeting } from "./sniff/mod.ts";
import type { Visitor } from "./visitor.ts";

/** How long before it opens connections ahead a browser was seen, in milliseconds. */
const BROWSING_MS = 3000;

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
  /** Sessions of visitors, which later ones may refer to. */
  readonly sessions: Sessions = new Sessions();

  readonly #greeters: readonly Greeter[] = GREETERS.map((make) => make());
  /** Addresses at which a browser opens connections: it loads a page, or just used a new one. */
  #browsers = new Lately(BROWSING_MS);
  /** Visitors that asked for something. */
  #met = new WeakSet<Visitor>();

  constructor(private readonly registry: Registry, private readonly options: RouterOptions) {}

  /**
   * The route of a request.
   *
   * @throws {Refusal} 404 without a token or with one that nobody has, 503 when its client is
   * offline.
   */
  route(head: RequestHead, visitor: Visitor): Route {
    if (this.speaksFirst) this.#meet(head, visitor);
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
   * @throws {Refusal} 404 when there is none, 503 when it is offline.
   */
  fallback(): Client {
    const { defaultClient } = this.options;
    if (defaultClient === undefined) {
      throw new Refusal(
        404,
        "Client Token not found",
        "Add ?token=CLIENT-ID to the URL, or send the header X-ARP-Token.",
      );
    }
    return this.#named(defaultClient);
  }

  /**
   * The client that a visitor's protocol leads to.
   *
   * @throws {Refusal} 404 when nobody has that token or session, 503 when its client is offline.
   */
  reach(to: Destination): Client {
    if (to === undefined) return this.fallback();
    if ("session" in to || "beside" in to) {
      const client = this.sessions.find("session" in to ? to.session : to.beside);
      // A session outlives its client's link, and then the registration that it began under.
      if (client !== undefined) return this.registry.find(client.id) ?? client;
      if ("beside" in to) return this.fallback();
      throw new Refusal(404, "No such session");
    }
    const { token, folded = token, vague } = to;
    const known = [token, folded].find((one) => this.#knows(one));
    if (known === undefined && vague && this.hasFallback) return this.fallback();
    return this.#named(known ?? token);
  }

  /** Whether a visitor may have to be spoken to first. */
  get speaksFirst(): boolean {
    return this.registry.speakers.size > 0;
  }

  /** Whether visitors without a token want a service that speaks first, and none that we greet for. */
  get fallbackSpeaksFirst(): boolean {
    const { defaultClient } = this.options;
    const client = defaultClient === undefined ? undefined : this.registry.find(defaultClient);
    return client?.service !== undefined &&
      !this.#greeters.some(({ service }) => service === client.service);
  }

  /**
   * Whether a silent visitor may be a connection that a browser opened ahead, and holds for its next
   * request: one at its address opened others shortly before it came, or since.
   */
  mayBeBrowser({ address, since }: Visitor): boolean {
    return this.#browsers.near(address.hostname, since);
  }

  #meet(head: RequestHead, visitor: Visitor): void {
    // What polls on a connection that it has had for long opens none.
    const opens = !this.#met.has(visitor) || isNavigation(head);
    this.#met.add(visitor);
    // A proxy stands for people who have nothing to do with each other.
    if (!opens || visitor.trusted) return;
    if (header(head, "user-agent")?.startsWith("Mozilla/")) {
      this.#browsers.note(visitor.address.hostname);
    }
  }

  /** What to tell a silent visitor; undefined when no client's service needs that. */
  greeting({ address, trusted }: Visitor): Greeting | undefined {
    for (const greeter of this.#greeters) {
      const clients = [...this.registry.speakers].filter(({ service }) =>
        service === greeter.service
      );
      if (clients.length === 0) continue;
      const greetings = clients.map(({ greeting }) => greeting);
      // A proxy stands for people who have nothing to do with each other; and with a default client
      // whoever names nobody wants that one.
      const alone = !trusted && !this.hasFallback;
      return greeter.greet(greetings, alone ? address.hostname : undefined);
    }
    return undefined;
  }

  /** @throws {Refusal} 429 when the client has as many visitors as it may. */
  admit(client: Client): void {
    const { maxVisitors } = this.options;
    if (maxVisitors > 0 && client.visitors >= maxVisitors) {
      throw new Refusal(429, "This client has too many visitors", "Try again shortly.", 5);
    }
  }

  #knows(token: string): boolean {
    return this.registry.find(token) !== undefined || this.registry.wasHere(token);
  }

  #named(token: string): Client {
    const client = this.registry.find(token);
    if (client === undefined) throw this.#unknown([token], token);
    return client;
  }

  #unknown(tokens: string[], first: string): Refusal {
    const gone = tokens.find((token) => this.registry.wasHere(token));
    if (gone !== undefined) {
      return new Refusal(
        503,
        `Client '${showToken(gone)}' is offline`,
        "It was here a while ago. Is arpc running?",
        5,
      );
    }
    if (this.registry.clients.size === 0) {
      return new Refusal(503, "No active clients available", "Start arpc and try again.", 5);
    }
    return new Refusal(
      404,
      `Client '${showToken(first)}' not found`,
      "Check the token: it is the --client-id, or an --alias, of a running arpc.",
    );
  }
}
