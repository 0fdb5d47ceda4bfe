/**
 * From a visitor to a client: the rules of routing, and who is turned away.
 *
 * @module
 */

import { header, Refusal, type RequestHead } from "@agentx/common/http";
import { isVisitorToken, mayBeVisitorToken } from "@agentx/common/visitor-token";
import { Greetings } from "./greetings.ts";
import { cookieLine, type Forwarded, isNavigation } from "./http/forward.ts";
import { type Candidate, candidates, withoutTokens } from "./http/route.ts";
import { leadsNowhere, namesNobody, needsToken, opensAnother } from "./refusals.ts";
import type { Client, Registry } from "./registry.ts";
import { Sessions } from "./sessions.ts";
import { NotHere, Settle } from "./settle.ts";
import type { Destination } from "./sniff/mod.ts";
import type { Visitor } from "./visitor.ts";
import { enter, visitOf } from "./visitor_token/http.ts";
import { VisitorTokens } from "./visitor_token/mod.ts";
import { withoutMark } from "./visitor_token/uses.ts";

/** Visitor tokens of one request that are looked at: each may cost a check of its signature. */
const MAX_TOKENS = 4;

/** Options of a {@link Router}. */
export interface RouterOptions {
  /** First label of a host below it is a token. */
  domain?: string | undefined;
  /** Client of visitors that bring no token. */
  defaultClient?: string | undefined;
  /** Visitors of one client at a time. */
  maxVisitors: number;
  /** Visitors of every client need a visitor token. */
  requireVisitorToken?: boolean;
  /** Addresses of proxies that may say for whom they forward. */
  trustedProxies?: ReadonlySet<string>;
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
  /** What clients signed for their visitors. */
  readonly tokens: VisitorTokens;
  /** Whom to speak to first. */
  readonly greetings: Greetings;

  constructor(
    private readonly registry: Registry,
    private readonly options: RouterOptions,
    /** Where visitors wait for clients that may yet return. */
    readonly settle: Settle = new Settle(),
  ) {
    this.greetings = new Greetings(registry, options.defaultClient);
    this.tokens = new VisitorTokens(registry, undefined, (auds) => settle.arrived(auds));
  }

  /**
   * The route of a request: at once, but for one with a visitor token.
   *
   * @throws {Refusal} 404 without a token or with one that nobody has, 401 with one that does not
   * open this, 503 when its client is offline; 303 to leave a token behind. {@link NotHere} where
   * the client may yet come.
   */
  route(head: RequestHead, visitor: Visitor): Route | Promise<Route> {
    this.greetings.meet(head, visitor);
    this.tokens.next(visitor);
    const proto = visitor.tls ||
        (visitor.trusted && header(head, "x-forwarded-proto")?.toLowerCase() === "https")
      ? "https"
      : "http";
    const forwarded: Forwarded = {
      address: visitor.address.hostname,
      proto: visitor.tls ? "https" : "http",
      trusted: visitor.trusted,
    };
    const secure = proto === "https";
    const found = candidates(head, this.options.domain);
    const host = found.find(({ place }) => place === "host");
    // A host name is one client's origin: nobody else is reached there, whatever else is named.
    const owner = host === undefined ? undefined : this.#ownerOf(host.token);
    if (found.some(({ token }) => mayBeVisitorToken(token))) {
      return this.#routeByToken(
        head,
        visitor,
        found,
        { ...forwarded, tokens: true },
        secure,
        owner,
      );
    }
    for (const [nth, candidate] of found.entries()) {
      const client = this.registry.find(candidate.token);
      if (client !== undefined) {
        // This may be the name in a cookie, and the client that the URL names still be on its way.
        if (nth > 0) this.#holdBack(found.slice(0, nth).map(({ token }) => token), visitor);
        return this.#routeById(candidate, found, this.#open(client), head, forwarded, secure);
      }
    }
    const first = found[0];
    if (first === undefined) return { client: this.fallback(), forwarded, lines: "" };
    throw this.#unknown(found.map(({ token }) => token));
  }

  /** @throws {Refusal} 404 when nobody has this host name, 503 when its client is offline. */
  #ownerOf(label: string): Client {
    return this.registry.find(label) ?? this.#nobodyAt(label);
  }

  #nobodyAt(label: string): never {
    const hint =
      "Check the host name: its label under --domain is the --client-id, or an --alias, of " +
      "a running arpc, and no token counts beside it.";
    throw this.#unknown([label], hint);
  }

  /** What a service learns of the visitor, but not which other clients the request names. */
  #hiding(
    head: RequestHead,
    found: readonly Candidate[],
    client: Client,
    forwarded: Forwarded,
  ): Forwarded {
    const named = header(head, "x-arp-token");
    const seen = found.filter(({ place }) => place === "referer").map(({ token }) => token);
    if (named !== undefined) seen.push(named);
    const others = seen.filter((token) =>
      token !== client.id && this.#knows(token) && this.registry.find(token)?.id !== client.id
    );
    return others.length === 0 ? forwarded : { ...forwarded, others };
  }

  #routeById(
    { token, place, target }: Candidate,
    found: readonly Candidate[],
    client: Client,
    head: RequestHead,
    forwarded: Forwarded,
    secure: boolean,
  ): Route {
    const cookie = place === "query" && isNavigation(head);
    return {
      client,
      forwarded: this.#hiding(head, found, client, forwarded),
      lines: cookie ? cookieLine(token, secure) : "",
      ...(target === undefined ? {} : { target }),
    };
  }

  /**
   * The first token that opens something counts; if none does, what is wrong with the first one.
   *
   * @param owner whose host name it is: no token opens another client there.
   */
  async #routeByToken(
    head: RequestHead,
    visitor: Visitor,
    found: readonly Candidate[],
    forwarded: Forwarded,
    secure: boolean,
    owner: Client | undefined,
  ): Promise<Route> {
    const { trustedProxies } = this.options;
    let refusal: Refusal | undefined;
    /** Was named, and may take more than that. */
    let closed = owner;
    const admit = (client: Client) => {
      if (closed !== undefined && client.id !== closed.id) throw opensAnother();
      // Later ones are admitted when they need a tunnel of their own.
      if (visitor.client === undefined) this.admit(client);
    };
    let tries = 0;
    for (const candidate of found) {
      if (!isVisitorToken(withoutMark(candidate.token))) {
        const client = this.registry.find(candidate.token);
        if (client === undefined) continue;
        if (!this.#closed(client)) {
          const route = this.#routeById(candidate, found, client, head, forwarded, secure);
          return { ...route, target: withoutTokens(route.target ?? head.target) };
        }
        closed ??= client;
        continue;
      }
      if (++tries > MAX_TOKENS) break;
      try {
        const visit = visitOf(candidate, found, head, visitor, trustedProxies);
        const admission = await this.tokens.visit(candidate.token, { ...visit, admit });
        const entered = enter(admission, candidate, head, secure);
        const told = this.#hiding(head, found, admission.client, forwarded);
        return { ...entered, forwarded: { ...told, limits: admission.claims } };
      } catch (error) {
        // To go on, or to come again: no other token is better than that.
        if (!(error instanceof Refusal) || [303, 429].includes(error.status)) throw error;
        const mayCome = error instanceof NotHere && owner === undefined;
        if (mayCome && this.settle.holdsBack(visitor)) throw error;
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw refusal;
    if (closed !== undefined) throw needsToken();
    throw this.#unknown(found.map(({ token }) => token));
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
    if (defaultClient === undefined) throw namesNobody();
    return this.#open(this.#named(defaultClient));
  }

  /**
   * The client that a visitor's protocol leads to: at once, but for a visitor token.
   *
   * @throws {Refusal} 404 when nobody has that token or session, 401 when it does not open this, 503
   * when its client is offline.
   */
  reach(to: Destination, visitor: Visitor): Client | Promise<Client> {
    if (to === undefined) return this.fallback();
    // It may have registered anew since.
    if ("client" in to) return this.registry.find(to.client.id) ?? to.client as Client;
    if ("session" in to || "beside" in to) {
      const client = this.sessions.find("session" in to ? to.session : to.beside);
      // A session outlives its client's link, and then the registration that it began under.
      if (client !== undefined) return this.registry.find(client.id) ?? client;
      if ("beside" in to) return this.fallback();
      throw new Refusal(404, "No such session");
    }
    const { token, folded = token, vague } = to;
    if (isVisitorToken(token)) return this.#visitRaw(token, visitor);
    const known = [token, folded].find((one) => this.#knows(one));
    if (known === undefined && vague && this.hasFallback) {
      this.#holdBack([token, folded], visitor);
      return this.fallback();
    }
    return this.#open(this.#named(known ?? token, folded));
  }

  /** @throws {NotHere} when a visitor that could go elsewhere should wait for one of these a moment. */
  #holdBack(tokens: readonly string[], visitor: Visitor): void {
    if (this.settle.holdsBack(visitor)) throw NotHere.of(tokens, { brief: true });
  }

  async #visitRaw(token: string, visitor: Visitor): Promise<Client> {
    const { address: { hostname }, trusted } = visitor;
    const visit = { cookie: false, navigation: false, cookies: [], request: undefined };
    // A proxy says nothing of whom it forwards for here.
    const address = trusted ? undefined : hostname;
    const admit = (client: Client) => this.admit(client);
    return (await this.tokens.visit(token, { ...visit, visitor, address, admit })).client;
  }

  /**
   * A client that anybody may visit who names it.
   *
   * @throws {Refusal} 401 when its visitors need a token.
   */
  #open(client: Client): Client {
    if (this.#closed(client)) throw needsToken();
    return client;
  }

  #closed(client: Client): boolean {
    return client.requireToken || this.options.requireVisitorToken === true;
  }

  /**
   * The client of a port of its own, where nobody can show a token.
   *
   * @throws {Refusal} 401 when its visitors need one.
   */
  reachOwn(client: Client): void {
    this.#open(client);
  }

  /** @throws {Refusal} 429 when the client has as many visitors as it may. */
  admit(client: Client): void {
    const { maxVisitors } = this.options;
    if (maxVisitors > 0 && client.visitors >= maxVisitors) {
      client.account.limit();
      throw new Refusal(429, "This client has too many visitors", "Try again shortly.", 5);
    }
  }

  #knows(token: string): boolean {
    return this.registry.find(token) !== undefined || this.registry.wasHere(token);
  }

  #named(token: string, folded = token): Client {
    const client = this.registry.find(token);
    if (client === undefined) throw this.#unknown([token, folded]);
    return client;
  }

  #unknown(tokens: readonly string[], hint?: string): NotHere {
    return NotHere.of(tokens, { refusal: leadsNowhere(this.registry, tokens, hint) });
  }
}
