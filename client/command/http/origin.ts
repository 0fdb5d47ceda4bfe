/**
 * Which web pages may use the API.
 *
 * What protects from a hostile page, given that the server's `arp_token` cookie makes a browser
 * find its way to us from any tab:
 *
 * - *It cannot change anything.* A browser says the page's origin with every request that may
 *   change something; another one than our own is refused here. Where the header is missing, the
 *   page could only send a form or `text/plain`, and those are refused as bodies (415).
 * - *It cannot read anything.* A GET changes nothing, and its answer is kept from other origins by
 *   the browser, as no `Access-Control-Allow-Origin` is sent but to those that were named.
 *   `Cross-Origin-Resource-Policy` and `nosniff` keep it out of `<script>` and `<img>` as well.
 *   A stream that is the answer to a POST needs a POST, so it is refused like all of them.
 * - *It cannot frame our pages* (`frame-ancestors`), so no click on them can be stolen.
 *
 * What this cannot protect from: pages of other clients at the same server, when they are told
 * apart by `?token=` alone, are of one origin with ours; and a name that an attacker points to this
 * machine makes a page there one of ours, too. Against both there is the API key, which no page
 * has; against the former also a host name per client (`arps --domain`).
 *
 * @see {@link https://fetch.spec.whatwg.org/#origin-header | Fetch: Origin header}
 * @module
 */

import { Problem } from "../problem.ts";

/** Methods that change nothing. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** How long a browser may remember the answer to a preflight, in seconds. */
const REMEMBERED_S = 600;

/** Where a request comes from, as far as its headers tell. */
export class OriginCheck {
  /** @param allowed origins beside our own, such as `https://app.example.com`. */
  constructor(private readonly allowed: readonly string[]) {}

  /**
   * Refuses what a foreign page sends to change something.
   *
   * @throws {Problem} 403.
   */
  check(method: string, headers: Headers): void {
    if (SAFE.has(method)) return;
    const origin = headers.get("origin");
    if (origin === null) {
      if (headers.get("sec-fetch-site") === "cross-site") throw foreign("of another site");
    } else if (!this.#isOwn(origin, headers) && !this.allowed.includes(origin)) {
      throw foreign(`at ${origin.slice(0, 200)}`);
    }
  }

  /** What lets a page of an allowed origin read the answer; nothing for others. */
  headersFor(origin: string | undefined): Record<string, string> {
    if (this.allowed.length === 0) return {};
    // Even without one, so that no cache gives a page the answer for another.
    if (origin === undefined || !this.allowed.includes(origin)) return { "vary": "Origin" };
    return {
      "vary": "Origin",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "Location, Retry-After, WWW-Authenticate, X-Session-Id, " +
        "Mcp-Session-Id",
    };
  }

  /** What answers a browser's question whether a page may send a request. */
  preflightHeaders(origin: string | undefined, methods: string): Record<string, string> {
    if (origin === undefined || !this.allowed.includes(origin)) return {};
    return {
      "access-control-allow-methods": methods,
      "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID, X-API-Key, " +
        "X-ARP-Token, Mcp-Session-Id, MCP-Protocol-Version",
      "access-control-max-age": String(REMEMBERED_S),
    };
  }

  /** TLS may end in front of us, so that only the hosts are compared. */
  #isOwn(origin: string, headers: Headers): boolean {
    const host = hostOf(origin);
    const ours = [headers.get("x-forwarded-host"), headers.get("host")];
    return host !== undefined && ours.some((one) => one?.toLowerCase() === host);
  }
}

function foreign(where: string): Problem {
  return new Problem(403, `A page ${where} may not do this; --cors-origin can allow its origin`);
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
}
