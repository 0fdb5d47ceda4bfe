/**
 * What is wrong, in few words: with a client, and with the server.
 *
 * @module
 */

import type { Second } from "../monitor.ts";
import type { RefusalRow } from "../refusals.ts";
import type { ClientRow } from "../rows.ts";
import { count, span } from "./format.ts";

/** How bad it is: nobody is served, or somebody was not. */
export type Level = "bad" | "warn";

/** Something that is wrong. */
export interface Trouble {
  level: Level;
  /** Two or three words, the same for all clients that have it. */
  word: string;
  /** The rest of it. */
  says: string;
}

/** What happened so long ago is no trouble any more, in milliseconds. */
const LATELY_MS = 5 * 60_000;
/** A client has so long to open a tunnel, in milliseconds. */
const PATIENCE_MS = 5000;

const visits = (number: number) => `${count(number)} ${number === 1 ? "visit" : "visits"}`;

/** What is wrong with a client; the worst of it. */
export function troubleOf(row: ClientRow, now: number): Trouble | undefined {
  const lately = (at: number) => at > 0 && now - at < LATELY_MS;
  const ago = (at: number) => `${span(now - at)} ago`;
  if (!row.online) {
    if (row.refused_at <= (row.left_at ?? 0) || !lately(row.refused_at)) return undefined;
    return { level: "bad", word: "Not let in", says: row.refused_why ?? "" };
  }
  if (row.failing > 0) {
    return {
      level: "bad",
      word: "Service unreachable",
      says: `${visits(row.failing)} failed, the last ${ago(row.failed_at)}`,
    };
  }
  if (row.stuck_since > 0 && now - row.stuck_since >= PATIENCE_MS) {
    return {
      level: "warn",
      word: "Opens no tunnel",
      says: `${row.pool.idle} of ${row.pool.target} tunnels for ${span(now - row.stuck_since)}; ` +
        "the log of arpc says why",
    };
  }
  if (lately(row.turned_away_at)) {
    return {
      level: "warn",
      word: "Too few tunnels",
      says: `${visits(row.turned_away)} turned away, the last ${ago(row.turned_away_at)}`,
    };
  }
  if (lately(row.limited_at)) {
    return {
      level: "warn",
      word: "At its limit",
      says: `${visits(row.limited)} over --max-visitors, the last ${ago(row.limited_at)}`,
    };
  }
  return undefined;
}

/** What each refusal of a client means, by the word of its metric. */
const REGISTRATIONS: Record<string, string> = {
  invalid: "Client with a malformed registration",
  taken: "Client by a name that is taken",
  port: "Client for a port that it cannot have",
  denied: "Client with a wrong token, or for another id",
  limit: "Client over a limit, or after too many wrong tokens",
  banned: "Client that is banned",
  links: "Client over --max-links-per-ip",
};

/** What each status says of a visitor. */
const VISITORS: Record<string, string> = {
  400: "Visitor with a malformed request",
  401: "Visitor without a token that opens this",
  404: "Visitor who named no client that is here",
  408: "Visitor who was too slow",
  413: "Visitor with too large a request",
  429: "Visitor over --max-visitors",
  431: "Visitor with too large a head",
  502: "Visitor of a service that is unreachable",
  503: "Visitor of a client that is offline or busy",
  504: "Visitor who got no tunnel in time",
};

/** What was refused, in words. */
export function refusalWords({ kind, what }: Pick<RefusalRow, "kind" | "what">): string {
  switch (kind) {
    case "registration":
      return REGISTRATIONS[what] ?? `Client: ${what}`;
    case "tunnel":
      return "Tunnel that nobody asked for";
    case "accept":
      return `Connection to the ${what} port that the system refused`;
  }
  const [protocol = "", status = ""] = what.split(" ");
  if (what === "unknown 429") return "Visitor over --max-per-ip or --rate-per-ip";
  if (what === "unknown 503") return "Visitor over --max-connections";
  const words = VISITORS[status] ?? `Visitor: ${status}`;
  return protocol === "http" || protocol === "unknown" ? words : `${words} (${protocol})`;
}

/** Of what a server turns away, that which its owner should do something about. */
const SERIOUS: ReadonlySet<string> = new Set([
  "visitor unknown 429",
  "visitor unknown 503",
  "registration denied",
  "registration limit",
  "registration links",
  "registration port",
]);

/** What is wrong with the server as such. */
export function serverTroubles(
  second: Second | undefined,
  refusals: readonly RefusalRow[],
): Trouble[] {
  const found: Trouble[] = [];
  if (second?.certificate_trouble !== undefined) {
    const expired = (second.certificate_expires ?? Infinity) <= second.now;
    const [word = "", says = ""] = second.certificate_trouble.split(/: (.*)/);
    found.push({ level: expired ? "bad" : "warn", word, says });
  }
  for (const { kind, what, lately } of refusals) {
    if (lately === 0 || !(kind === "accept" || SERIOUS.has(`${kind} ${what}`))) continue;
    found.push({
      level: kind === "accept" ? "bad" : "warn",
      word: refusalWords({ kind, what }),
      says: `${count(lately)}× in 5 min`,
    });
  }
  return found;
}
