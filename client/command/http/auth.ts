/**
 * Who may use the API: the key, and how often it may be guessed.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750 | RFC 6750: Bearer Token Usage}
 * @module
 */

import { Recent } from "@agentx/common";
import { bearerOf, Secret } from "@agentx/common/secret";
import { Problem } from "../problem.ts";

/** Wrong keys that an address may try within {@link WINDOW_MS}. */
const GUESSES = 20;
/** In milliseconds. */
const WINDOW_MS = 60_000;
/** Addresses that are remembered; the oldest goes first. */
const REMEMBERED = 1000;

/** Checks the key of a request; without one to compare with, everybody may pass. */
export class KeyCheck {
  readonly #key: Secret | undefined;
  readonly #failures = new Recent<string, { count: number; until: number }>(REMEMBERED);

  /** @param now milliseconds of some clock, for tests. */
  constructor(key: string | undefined, private readonly now: () => number = Date.now) {
    this.#key = key === undefined ? undefined : new Secret(key);
  }

  /** Whether requests need a key. */
  get needed(): boolean {
    return this.#key !== undefined;
  }

  /**
   * Lets a request with the right key pass, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
   *
   * Who has tried too many wrong ones is not even compared for a while: else the limit would slow
   * nobody down who guesses right in the end. A request without any key is no guess.
   *
   * @throws {Problem} 401 without the right key, 429 after too many wrong ones.
   */
  check(headers: Headers): void {
    if (this.#key === undefined) return;
    const given = bearerOf(headers.get("authorization")) ?? headers.get("x-api-key") ?? undefined;
    if (given === undefined) throw unauthorized("This needs the API key, and none came with it");
    const address = addressOf(headers);
    const before = this.#lately(address);
    if (before !== undefined && before.count >= GUESSES) {
      const seconds = Math.max(1, Math.ceil((before.until - this.now()) / 1000));
      throw new Problem(429, `Too many wrong API keys; try again in ${seconds} s`, {}, seconds);
    }
    if (this.#key.is(given)) return;
    this.#failures.set(address, {
      count: (before?.count ?? 0) + 1,
      until: before?.until ?? this.now() + WINDOW_MS,
    });
    throw unauthorized("The API key is wrong");
  }

  #lately(address: string): { count: number; until: number } | undefined {
    const found = this.#failures.peek(address);
    return found !== undefined && found.until > this.now() ? found : undefined;
  }
}

function unauthorized(what: string): Problem {
  return new Problem(401, `${what}: send it as "Authorization: Bearer KEY"`);
}

/**
 * Who asks, as the server in front says: it takes away what visitors claim of themselves. Through
 * a trusted proxy the value is a chain, whose front is such a claim: its last two are the visitor
 * and the proxy.
 */
function addressOf(headers: Headers): string {
  return (headers.get("x-forwarded-for") ?? "").split(",").slice(-2).join().slice(-200);
}
