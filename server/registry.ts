/**
 * Who is online: clients by id and alias, and the tunnels they were asked for.
 *
 * @module
 */

import {
  type Channel,
  CLIENT_ID,
  CLIENT_ID_EXPECTS,
  type Peek,
  type Register,
  type Traffic,
} from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { addressKey } from "./address.ts";
import { Capabilities } from "./capabilities.ts";
import { Pool, type PoolOptions } from "./pool.ts";
import { Quotas } from "./quota.ts";
import { LASTING_S, RegistrationError } from "./registration_error.ts";
import type { ServiceFacts } from "./sniff/mod.ts";
import { Stats } from "./stats.ts";
import type { Account } from "./stats/account.ts";
import type { LinkEnd } from "./stats/ending.ts";
import { Tunnel, type TunnelKind } from "./tunnel.ts";

/** How long a client that left is remembered, to answer "offline" and not "unknown". */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_MAX = 1000;
/** Aliases of one client: the URLs of them all, however long, must fit into one frame. */
const MAX_ALIASES = 64;

/** What may be a client's version. */
const VERSION = /^[\x20-\x7e]{1,64}$/;
/** 32 bytes in base64url. */
const PUBLIC_KEY = /^[A-Za-z0-9_-]{43}$/;

/** Longest greeting of a service that is kept, in base64; MySQL's is about 100 bytes. */
const MAX_GREETING_CHARS = 2048;

/** What to do when an id registers that is online. */
export type DuplicatePolicy = "replace" | "reject";

/** A registered client; each registration is an object of its own, which is what fences them. */
export interface Client extends ServiceFacts {
  readonly id: string;
  /** Names it in logs. */
  readonly tag: string;
  readonly tokens: readonly string[];
  readonly generation: 1 | 2;
  /** What its tunnels can do. */
  readonly tunnels: TunnelKind;
  readonly channel: Channel;
  readonly pool: Pool;
  /** Address of its control connection. */
  readonly peer: string;
  /** Of its program, if it said so. */
  readonly version: string | undefined;
  /** When it registered, by `Date.now()`. */
  readonly since: number;
  /** Bytes of its visitors, live, over all registrations that its account remembers. */
  readonly traffic: Traffic;
  /** What is counted of it. */
  readonly account: Account;
  /** Public key of the visitor tokens that it signs; see `Register`. */
  readonly visitorKey: string | undefined;
  /** Visitors must bring such a token. */
  readonly requireToken: boolean;
  /** Visitors being served, those of earlier registrations of its id included. */
  visitors: number;
  /** Tunnels that stay with a visitor from one request to the next. */
  readonly kept: Set<{ leave(): void }>;
  /** It is registered no more; tunnels of it may still be in use. */
  gone: boolean;
  /** When its link died of silence, by `performance.now()`. */
  vanished: number | undefined;
  /** Why this side ends its link, if it does. */
  ending: LinkEnd | undefined;
}

/** Limits of a {@link Registry}; 0 is none. */
export interface RegistryLimits {
  /** Clients at a time. */
  maxClients: number;
  /** Bytes a second of one client's visitors, both ways together. */
  rateLimit: number;
}

/** When to ask again where there was no room, in seconds. */
const NO_ROOM_RETRY_S = 30;

/** All clients of a server. */
export class Registry {
  /** By token. */
  #clients = new Map<string, Client>();
  #online = new Set<Client>();
  /** For the tunnels that they were asked for. */
  readonly #capabilities = new Capabilities<Client>();
  #left = new Map<string, number>();
  readonly #quotas: Quotas;
  /** Clients online whose service speaks first. */
  readonly speakers: Set<Client> = new Set();

  constructor(
    readonly pool: PoolOptions,
    readonly policy: DuplicatePolicy,
    readonly stats: Stats = new Stats(),
    private readonly limits: RegistryLimits = { maxClients: 0, rateLimit: 0 },
  ) {
    this.#quotas = new Quotas(limits.rateLimit);
  }

  /** Clients online. */
  get clients(): ReadonlySet<Client> {
    return this.#online;
  }

  /**
   * Enters a client; an earlier registration of the same id gives way or stands, by policy.
   *
   * @param yielding the registration that gives way whatever the policy, if it is that.
   * @returns the new entry, and the one it replaced, which the caller tells and closes.
   * @throws {RegistrationError} for an id or alias that is invalid or taken.
   */
  register(
    command: Register,
    tag: string,
    channel: Channel,
    peer = "",
    yielding?: Client,
  ): { client: Client; replaced: Client | undefined } {
    const { client_id, aliases = [] } = command;
    const tokens = [...new Set([client_id, ...aliases])];
    if (tokens.length > 1 + MAX_ALIASES) {
      throw new RegistrationError(`too many aliases: use at most ${MAX_ALIASES}`, LASTING_S);
    }
    for (const token of tokens) {
      // The client logs the reason, so it must not tell the token.
      const what = token === client_id
        ? "client_id"
        : `alias ${aliases.indexOf(token) + 1} of ${aliases.length}`;
      if (!CLIENT_ID.test(token)) {
        throw new RegistrationError(
          `${what} is invalid: use ${CLIENT_ID_EXPECTS}`,
          LASTING_S,
        );
      }
      const owner = this.#clients.get(token);
      if (owner === undefined || owner.id === command.client_id) continue;
      throw new RegistrationError(`${what} is taken by another client`, undefined, "taken");
    }
    const replaced = this.#clients.get(command.client_id);
    if (replaced !== undefined && replaced !== yielding && this.policy === "reject") {
      throw new RegistrationError("client_id is online already", undefined, "taken");
    }
    const { maxClients } = this.limits;
    if (replaced === undefined && maxClients > 0 && this.#online.size >= maxClients) {
      throw new RegistrationError(
        `this server has as many clients as it may: ${maxClients} (arps --max-clients)`,
        NO_ROOM_RETRY_S,
        "limit",
      );
    }
    const generation = (command.version ?? 1) >= 2 ? 2 : 1;
    const quota = this.#quotas.of(command.client_id);
    const account = this.stats.accounts.of(tag);
    const client: Client = {
      id: command.client_id,
      tag,
      tokens,
      generation,
      tunnels: generation === 1 ? "raw" : command.reuse ? "reusable" : "started",
      channel,
      service: keepIf(/^[a-z0-9-]{1,32}$/, command.service),
      greeting: firstBytes(command.greeting),
      dbUser: keepIf(/^[^\0]{1,128}$/, command.db_user),
      pool: new Pool(this.pool, (count) => this.#ask(client, count), account),
      peer,
      version: keepIf(VERSION, command.client_version),
      since: Date.now(),
      traffic: account.traffic,
      account,
      visitorKey: generation === 2 ? keepIf(PUBLIC_KEY, command.visitor_key) : undefined,
      requireToken: generation === 2 && command.require_token === true,
      get visitors() {
        return quota.visitors;
      },
      set visitors(count) {
        quota.visitors = count;
      },
      kept: new Set(),
      gone: false,
      vanished: undefined,
      ending: undefined,
    };
    if (replaced !== undefined) {
      replaced.pool.handOver(client.pool);
      this.unregister(replaced);
    }
    this.#online.add(client);
    for (const token of tokens) {
      this.#clients.set(token, client);
      this.#left.delete(token);
    }
    if (client.service !== undefined) this.speakers.add(client);
    return { client, replaced };
  }

  /** Removes this very registration; a later one of the same id stays. */
  unregister(client: Client): void {
    const now = performance.now();
    for (const token of client.tokens) {
      if (this.#clients.get(token) !== client) continue;
      this.#clients.delete(token);
      this.#left.set(token, now);
    }
    this.#capabilities.withdraw(client);
    this.#online.delete(client);
    this.speakers.delete(client);
    client.gone = true;
    client.pool.close(new Refusal(503, "The client went offline", "Try again shortly.", 2));
    // A client that drains waits for its visitors, and not for those that say nothing.
    for (const kept of client.kept) kept.leave();
  }

  /** The client a token leads to. */
  find(token: string): Client | undefined {
    return this.#clients.get(token);
  }

  /** Whether a client of that token was here a while ago. */
  wasHere(token: string): boolean {
    return this.#left.has(token);
  }

  /**
   * Takes a tunnel that its client opened because it was asked to.
   *
   * @returns the client whose pool it joined; undefined when nobody asked for it, it came too late,
   * or it was another client that was asked.
   */
  redeem(capability: string, clientId: string, peek: Peek): Client | undefined {
    const redeemed = this.#capabilities.redeem(capability, clientId);
    if (redeemed === undefined) return undefined;
    const { holder: client, took } = redeemed;
    const { throttle } = this.#quotas.of(clientId);
    client.pool.put(new Tunnel(peek, client.tunnels, throttle), took);
    return client;
  }

  /** Every second or so: forgets capabilities nobody used, limits nobody meets, and clients long gone. */
  expire(now: number = performance.now()): void {
    // Those that left them unused are asked anew.
    for (const client of this.#capabilities.expire(now)) client.pool.missed();
    this.#quotas.expire((id) => this.#clients.has(id));
    for (const [token, at] of this.#left) {
      if (now - at < REMEMBER_MS && this.#left.size <= REMEMBER_MAX) break;
      this.#left.delete(token);
    }
  }

  /** Tunnels that clients at an address, as an `addressKey`, were asked for and did not open yet. */
  askedFrom(address: string): number {
    return this.#capabilities.countFrom(address);
  }

  /** Every few seconds: the pools' sweep. */
  sweep(): void {
    for (const client of this.clients) client.pool.sweep();
  }

  #ask(client: Client, count: number): void {
    const from = addressKey(client.channel.peek.conn.remoteAddr.hostname);
    for (const proxy_conn_id of this.#capabilities.issue(client, from, count)) {
      client.channel.send({ type: "RequestNewProxyConn", proxy_conn_id });
    }
  }
}

/** The bytes behind base64; undefined for anything else. */
function firstBytes(base64: string | undefined): Uint8Array | undefined {
  if (base64 === undefined || base64.length > MAX_GREETING_CHARS) return undefined;
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
}

function keepIf(form: RegExp, text: string | undefined): string | undefined {
  return text !== undefined && form.test(text) ? text : undefined;
}
