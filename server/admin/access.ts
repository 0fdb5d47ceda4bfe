/**
 * Who may use the admin port.
 *
 * - *With a key*, whoever sends it (`Authorization: Bearer`), or has logged in with it.
 * - *Without one*, whoever is on this machine: the port is on loopback then. A browser there could
 *   be talked into asking for a foreign page, by a name that its owner points to this machine; so
 *   the name must be one of loopback.
 * - *A page of another origin* may neither change nor read anything, in either case.
 *
 * @module
 */

import { isLoopback } from "@agentx/common";
import { bearerOf, Secret } from "@agentx/common/secret";
import { addressKey } from "../address.ts";
import { Failures } from "../auth/failures.ts";
import { type Halves, Sessions } from "./sessions.ts";

/** Name of the cookie; see {@link Sessions}. */
export const COOKIE = "arps_admin";
/** Header of a page's half of a session. */
export const PAGE_HEADER = "x-arps-session";

/** Methods that change nothing. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** An answer that is a refusal. */
export class Denied extends Error {
  override name = "Denied";

  /** @param retryAfter seconds. */
  constructor(
    readonly status: 400 | 401 | 403 | 413 | 415 | 429,
    message: string,
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** What is known of a request. */
export interface Asking {
  readonly method: string;
  readonly headers: Headers;
  /** IP address of who asks. */
  readonly address: string;
}

/** Decides on requests. */
export class Access {
  readonly #key: Secret | undefined;
  readonly #sessions = new Sessions();
  readonly #failures = new Failures();

  /** @param now milliseconds of some clock, for tests. */
  constructor(
    key: string | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#key = key === undefined ? undefined : new Secret(key);
  }

  /** Whether there is a key. */
  get needsKey(): boolean {
    return this.#key !== undefined;
  }

  /**
   * Refuses what comes under a foreign name or from a foreign page; for every request but those for
   * health.
   *
   * @throws {Denied} 403.
   */
  checkOrigin({ method, headers }: Asking): void {
    const host = headers.get("host")?.toLowerCase() ?? "";
    if (!this.needsKey && !isLoopback(host.replace(/:\d+$/, ""))) {
      throw new Denied(
        403,
        "Without --admin-key this port answers to localhost and 127.0.0.1 only, not to the name " +
          "that you used",
      );
    }
    const origin = headers.get("origin");
    if (!SAFE.has(method) && origin !== null && hostOf(origin) !== host) {
      throw new Denied(403, "A page of another origin may not do this");
    }
    // Browsers say so of every request; a page that is opened from elsewhere is a navigation.
    const site = headers.get("sec-fetch-site") ?? "none";
    const opened = SAFE.has(method) && headers.get("sec-fetch-mode") === "navigate";
    if (site !== "same-origin" && site !== "none" && !opened) {
      throw new Denied(403, "A page of another origin may not ask this");
    }
  }

  /**
   * Lets those in that have the key or a session.
   *
   * @throws {Denied} 401, or 429 after too many wrong keys.
   */
  checkKey(asking: Asking): void {
    if (this.#key === undefined) return;
    // A session first: whoever has one does not suffer from those that guess at the same address.
    if (this.#sessions.check(halvesOf(asking.headers))) return;
    const given = bearerOf(asking.headers.get("authorization"));
    if (given === undefined) {
      throw new Denied(401, 'This needs the admin key: send it as "Authorization: Bearer KEY"');
    }
    this.#compare(given, asking.address);
  }

  /**
   * Begins a session.
   *
   * @throws {Denied} 401 when the key is wrong, 429 after too many.
   */
  login(key: string, address: string): Halves {
    this.#compare(key, address);
    return this.#sessions.begin();
  }

  /** Ends the session of a request, if it has one. */
  logout(headers: Headers): void {
    const halves = halvesOf(headers);
    if (this.#sessions.check(halves)) this.#sessions.end(halves);
  }

  /**
   * After too many wrong keys none is compared for a while, or guessing would go on; but only from
   * that network, so that nobody else is shut out.
   */
  #compare(given: string, address: string): void {
    const network = addressKey(address);
    const now = this.now();
    const wait = this.#failures.wait(network, now);
    if (wait > 0) {
      throw new Denied(429, "Too many wrong keys from your address", Math.ceil(wait / 1000));
    }
    if (this.#key === undefined || this.#key.is(given)) return;
    this.#failures.add(network, now);
    throw new Denied(401, "The admin key is wrong");
  }
}

function halvesOf(headers: Headers): Partial<Halves> {
  const cookie = (headers.get("cookie") ?? "").split(";")
    .map((pair) => pair.trim().split("="))
    .find(([name]) => name === COOKIE)?.[1];
  const page = headers.get(PAGE_HEADER);
  return { ...(cookie ? { cookie } : {}), ...(page ? { page } : {}) };
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1];
}
