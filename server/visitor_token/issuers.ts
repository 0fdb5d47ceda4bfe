/**
 * All clients that sign visitor tokens: by id, and by what their tokens say of them.
 *
 * What is kept of them is bounded, of each and of all together. A client says all that it took back
 * whenever it registers, so of one that left nothing is lost with its list: nobody is let in by its
 * tokens before it is back. Of those online the one that keeps most has to give, which is never one that
 * keeps little, whatever the others do; its tokens open nothing until it registers anew.
 *
 * @module
 */

import { getLogger, Seldom } from "@agentx/common";
import { audienceOf, keyIdOf } from "@agentx/common/visitor-token";
import type { Client } from "../registry.ts";
import { Issuer } from "./issuer.ts";

/** Tokens that were taken back, or are counted, of all clients together: less than 100 MiB. */
const MAX_KEPT = 500_000;
/** How much of that is left where it was too much, so that it is not too much again at once. */
const ENOUGH = 0.9;
/** Clients that left whose counters are kept. */
const MAX_LEFT = 1000;

/** Of what anybody may cause. */
const seldom = new Seldom(getLogger(["arps", "tokens"]));

/** Where a token's `aud` leads. */
export interface Audience {
  issuer: Issuer;
  /** `kid` of the issuer's key. */
  kid: string;
  /** The id or alias. */
  name: string;
  client: Client;
}

/** What clients registered of their tokens. */
export class Issuers {
  /** Those that were online last at the end. */
  #byId = new Map<string, Issuer>();
  #audiences = new Map<string, Audience>();
  #ready: Promise<void> = Promise.resolve();
  /** What was kept of each when it was weighed last, and the sum. */
  #weights = new Map<Issuer, number>();
  #kept = 0;
  /** Registrations since the last {@link Issuers.tidy}. */
  #anew = 0;

  /**
   * @param now seconds since 1970.
   * @param arrived is told what {@link Issuers.find} knows from now on.
   * @param max tokens kept of all clients together.
   */
  constructor(
    private readonly isOnline: (id: string) => boolean,
    private readonly now: () => number,
    private readonly arrived: (auds: readonly string[]) => void = () => {},
    private readonly max: number = MAX_KEPT,
  ) {}

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** Tokens that were taken back, or are counted, of all together. */
  get kept(): number {
    return this.#kept;
  }

  /** Names that tokens may be for. */
  get names(): number {
    return this.#audiences.size;
  }

  /** The one of a client. */
  get(id: string): Issuer | undefined {
    return this.#byId.get(id);
  }

  /** Whose tokens say this `aud`. */
  find(aud: string): Audience | undefined {
    return this.#audiences.get(aud);
  }

  /** Resolves when {@link Issuers.find} knows all that registered so far. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /**
   * A client registered, or takes further tokens back. With another key it takes back all tokens of
   * its last one.
   *
   * @returns whether any token is good no more that was until now.
   */
  hear(client: Client, ids: readonly string[]): boolean {
    const { id, visitorKey } = client;
    let issuer = this.#byId.get(id);
    const replaced = issuer !== undefined && issuer.publicKey !== visitorKey;
    if (issuer !== undefined && replaced) {
      this.#forget(issuer);
      issuer = undefined;
    }
    if (visitorKey === undefined) return replaced;
    issuer ??= new Issuer(id, visitorKey);
    if (issuer.client !== client) this.#enter(issuer, client);
    const wasClosed = issuer.closed;
    const news = issuer.revoke(ids);
    if (issuer.closed && !wasClosed) warn(issuer);
    const closed = news && this.weigh(issuer);
    return replaced || news || closed;
  }

  #enter(issuer: Issuer, client: Client): void {
    if (++this.#anew > MAX_LEFT) this.tidy();
    issuer.client = client;
    issuer.open();
    this.#byId.delete(issuer.id);
    this.#byId.set(issuer.id, issuer);
    this.#ready = this.#index(issuer, client, this.#ready);
  }

  async #index(issuer: Issuer, client: Client, before: Promise<void>): Promise<void> {
    const found = await audiencesOf(issuer, client).catch(() => []);
    await before;
    // A later registration may have come meanwhile, with other names.
    if (issuer.client !== client || this.#byId.get(issuer.id) !== issuer) return;
    for (const [aud, audience] of found) this.#audiences.set(aud, audience);
    this.arrived(found.map(([aud]) => aud));
  }

  /**
   * Counts what is kept of an issuer by now, and makes room where it is too much of all together.
   *
   * @returns whether any token is good no more for that.
   */
  weigh(issuer: Issuer): boolean {
    this.#count(issuer);
    if (this.#kept <= this.max) return false;
    this.#makeRoom();
    return true;
  }

  #count(issuer: Issuer): void {
    const weight = issuer.takenBack + issuer.uses.size;
    this.#kept += weight - (this.#weights.get(issuer) ?? 0);
    if (weight > 0) this.#weights.set(issuer, weight);
    else this.#weights.delete(issuer);
  }

  #makeRoom(): void {
    const enough = this.max * ENOUGH;
    // They say it all again when they are back.
    for (const issuer of this.#byId.values()) {
      if (this.#kept <= enough) return;
      if (issuer.takenBack === 0 || this.isOnline(issuer.id)) continue;
      issuer.close();
      this.#count(issuer);
    }
    const heaviest = [...this.#weights].sort(([, a], [, b]) => b - a);
    for (const [issuer] of heaviest) {
      if (this.#kept <= enough) return;
      issuer.close();
      issuer.uses.forget(this.now());
      this.#count(issuer);
      warn(issuer);
    }
  }

  /** Now and then: forgets what is over. */
  tidy(): void {
    this.#anew = 0;
    const now = this.now();
    const left: Issuer[] = [];
    for (const issuer of [...this.#byId.values()]) {
      issuer.uses.sweep(now);
      this.#count(issuer);
      if (!this.isOnline(issuer.id)) {
        left.push(issuer);
        continue;
      }
      this.#byId.delete(issuer.id);
      this.#byId.set(issuer.id, issuer);
    }
    for (const issuer of left.slice(0, -MAX_LEFT)) this.#forget(issuer);
    for (const [aud, { issuer, client }] of this.#audiences) {
      const current = this.#byId.get(issuer.id) === issuer && issuer.client === client;
      if (!current) this.#audiences.delete(aud);
    }
  }

  /** What it signed opens nothing any more, and what runs by that has to end. */
  #forget(issuer: Issuer): void {
    issuer.close();
    issuer.uses.forget(this.now());
    this.#count(issuer);
    this.#byId.delete(issuer.id);
  }
}

/** Every name of a client with its `aud`. */
async function audiencesOf(
  issuer: Issuer,
  client: Client,
): Promise<[aud: string, audience: Audience][]> {
  const kid = await keyIdOf(issuer.publicKey);
  return await Promise.all(
    client.tokens.map(async (name) =>
      [await audienceOf(name), { issuer, kid, name, client }] as [string, Audience]
    ),
  );
}

function warn({ client }: Issuer): void {
  seldom.warning(
    "Too many visitor tokens to remember: this client's open nothing until it registers anew",
    {
      client: client?.tag,
    },
  );
}
