/**
 * Visitor tokens: what a client signed for somebody to visit it, for a while and within limits.
 *
 * @module
 */

import { Recent } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { readVisitorToken, type VisitorClaims } from "@agentx/common/visitor-token";
import { cookieLine } from "../http/forward.ts";
import type { Client, Registry } from "../registry.ts";
import { NotHere } from "../settle.ts";
import type { Visitor } from "../visitor.ts";
import { Held } from "./held.ts";
import type { Issuer } from "./issuer.ts";
import { type Audience, Issuers } from "./issuers.ts";
import type { Wish } from "./limits.ts";
import { type Mark, Marks, withoutMark } from "./uses.ts";
import type { Verified } from "./verify.ts";

/** Tokens whose signature need not be checked again; about 1 KiB each. */
const MAX_VERIFIED = 1000;
/** A client's clock may be ahead of the server's, in seconds. */
const LEEWAY_S = 30;
const TIDY_EVERY_S = 60;

const ASK = "Ask whoever gave it to you for another one.";

/** A token, its signature checked. */
interface Pass extends Verified {
  readonly token: string;
  readonly audience: Audience;
  readonly jti: string;
  readonly exp: number;
  /** If its visits are counted. */
  mark?: Mark;
}

/** A visitor with a token. */
export interface Visit extends Wish {
  visitor: Visitor;
  /** The token stood in a cookie, so it is the same visit as the one that got the cookie. */
  cookie: boolean;
  /** A page is loaded with this request. */
  navigation: boolean;
  /** Cookies that came along. */
  cookies: readonly string[];
  /** Throws a {@link Refusal} if the token's client may not be visited now, before that is counted. */
  admit?: (client: Client) => void;
}

/** What a token opened. */
export interface Admission {
  client: Client;
  claims: VisitorClaims;
  /** The cookie that stands for this visit. */
  cookie: string;
  /** The visitor has no such cookie yet. */
  fresh: boolean;
}

/** Which tokens are good no more, and how often each was used. */
export class VisitorTokens {
  readonly #issuers: Issuers;
  #verified = new Recent<string, Pass>(MAX_VERIFIED);
  #held = new Held<Pass>();
  #marks = new Marks();
  /** When what is over was last forgotten, in seconds. */
  #tidied = 0;

  /**
   * @param now seconds since 1970.
   * @param arrived is told which `aud` lead to a client that is here.
   */
  constructor(
    private readonly registry: Pick<Registry, "find">,
    private readonly now: () => number = () => Date.now() / 1000,
    arrived?: (auds: readonly string[]) => void,
  ) {
    this.#issuers = new Issuers((id) => registry.find(id) !== undefined, now, arrived);
  }

  /**
   * A client registered, and says which tokens are good no more. If it comes with another key, those of
   * its last one are so as well.
   */
  registered(client: Client, revoked: readonly string[] = []): void {
    this.revoke(client, revoked);
  }

  /** A client says that tokens are good no more: whoever visits by one is ended. */
  revoke(client: Client, ids: readonly string[]): void {
    // Nothing new costs nothing: a link can say that as often as it likes.
    if (this.#issuers.hear(client, ids)) this.#endRevoked();
  }

  #endRevoked(): void {
    this.#held.end(
      ({ audience, jti }) => audience.issuer.revoked(jti),
      "visitor token revoked",
    );
  }

  /** Resolves when all that registered so far can be visited by tokens. */
  get ready(): Promise<void> {
    return this.#issuers.ready;
  }

  /** A visitor asks for something, by whatever it is let in. */
  next(visitor: Visitor): void {
    if (this.#held.size > 0) this.#held.next(visitor);
  }

  /**
   * Lets a visitor in by its token.
   *
   * @param text the token, or the cookie that was made of one.
   * @throws {Refusal} 401 with the reason, and none before the signature was checked; 404 or 503 when
   * nobody is there who could have signed it.
   */
  async visit(text: string, visit: Visit): Promise<Admission> {
    const pass = await this.#read(withoutMark(text));
    const { audience: { issuer, name }, claims, jti, token } = pass;
    if (claims.uses !== undefined) pass.mark ??= await this.#marks.mark(token);
    // Nothing waits from here on, so that what is found is still so when the visit is counted.
    const client = this.registry.find(name);
    if (client === undefined || !this.#isCurrent(pass.audience)) throw offline(name);
    this.#checkTime(claims, visit);
    if (issuer.closed) throw unsure();
    if (issuer.revoked(jti)) throw dead("was revoked", visit);
    const outside = pass.limits(visit);
    if (outside !== undefined) throw outside;
    visit.admit?.(client);
    const fresh = pass.mark === undefined ? !visit.cookie : this.#count(pass, pass.mark, visit);
    this.#held.add(visit.visitor, pass);
    return { client, claims, cookie: pass.mark?.cookie ?? token, fresh };
  }

  /** Counts a visit, unless it was; returns whether the visitor has no cookie that stands for it. */
  #count({ audience: { issuer }, claims, jti, exp }: Pass, mark: Mark, visit: Visit): boolean {
    const marked = visit.cookies.some((one) => mark.secret.is(one));
    const name = `${issuer.id} ${jti} ${visit.address}`;
    const again = marked || (this.#held.counted(visit.visitor, name) && !visit.navigation);
    if (again) return !marked;
    // A page asks for its parts at once, and each would count.
    if (visit.cookie && !visit.navigation) {
      throw new Refusal(401, "This visit ended with a restart of the server", "Load it again.");
    }
    if (!issuer.uses.spend(jti, claims.uses ?? Infinity, exp, claims.iat)) {
      throw new Refusal(401, "This visitor token is used up", ASK);
    }
    if (this.#issuers.weigh(issuer)) this.#endRevoked();
    this.#held.count(visit.visitor, name);
    return !marked;
  }

  #checkTime({ nbf = 0, exp }: VisitorClaims, visit: Visit): void {
    const now = this.now();
    if (now >= exp) throw dead("has expired", visit);
    if (now + LEEWAY_S < nbf) {
      const from = new Date(nbf * 1000).toISOString().slice(0, 19);
      throw new Refusal(401, "This visitor token is not good yet", `It is from ${from}Z on.`);
    }
  }

  async #read(token: string): Promise<Pass> {
    const known = this.#verified.get(token);
    if (known !== undefined && this.#isCurrent(known.audience)) return known;
    await this.#issuers.ready;
    const { aud, kid } = readVisitorToken(token) ?? {};
    const audience = this.#issuers.find(aud ?? "");
    if (audience === undefined) {
      const refusal = new Refusal(
        404,
        "The client of this visitor token is not here",
        "Is its arpc running, and is this the server that the token is for?",
        5,
      );
      throw aud === undefined ? refusal : NotHere.of([aud], { refusal });
    }
    if (this.registry.find(audience.name) === undefined) throw offline(audience.name);
    const checked = this.#isCurrent(audience) && kid === audience.kid
      ? await check(token, audience.issuer)
      : undefined;
    if (checked === undefined) throw new Refusal(401, "This visitor token is not valid", ASK);
    const { jti, exp } = checked.claims;
    const pass: Pass = { ...checked, token, audience, jti, exp };
    this.#verified.set(token, pass);
    return pass;
  }

  /** Whether the client is online that has this name, and its key is still the same. */
  #isCurrent({ name, issuer }: Audience): boolean {
    return this.registry.find(name)?.id === issuer.id && this.#issuers.get(issuer.id) === issuer;
  }

  /** A visitor left; by which tokens it had come, for the log. */
  leave(visitor: Visitor): string | undefined {
    return this.#held.size === 0 ? undefined : this.#held.leave(visitor);
  }

  /** Every second or so: ends visitors whose token has expired, and forgets what is over. */
  sweep(): void {
    if (this.#issuers.size === 0 && this.#held.size === 0) return;
    const now = this.now();
    if (now - this.#tidied >= TIDY_EVERY_S) {
      this.#tidied = now;
      this.#issuers.tidy();
    }
    this.#held.end(({ exp }) => exp <= now, "visitor token expired");
    this.#endRevoked();
  }
}

async function check(token: string, issuer: Issuer): Promise<Verified | undefined> {
  const { importKey, verify } = await import("./verify.ts");
  try {
    return await verify(token, await issuer.key(importKey));
  } catch (error) {
    // What it registered is no key.
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

/** A token that will never be good again; a browser need not keep it. */
function dead(why: string, { cookie }: Visit): Refusal {
  const lines = cookie ? cookieLine("", false, 0) : "";
  return new Refusal(401, `This visitor token ${why}`, ASK, undefined, lines);
}

function offline(name: string): NotHere {
  const refusal = new Refusal(
    503,
    "The client of this visitor token is offline",
    "It was here a while ago. Is arpc running?",
    5,
  );
  return NotHere.of([name], { refusal });
}

/** What was taken back is not known, so nothing can be let in; see {@link Issuers}. */
function unsure(): Refusal {
  return new Refusal(
    503,
    "It is not known which visitor tokens of this client are good",
    "The client revoked too many. Its tokens open it again once it has registered anew.",
    30,
  );
}
