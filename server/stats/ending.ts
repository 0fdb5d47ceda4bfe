/**
 * Why connections ended, in few words: metrics have a series for each.
 *
 * @module
 */

import { DeadlineError } from "@agentx/common";

/** Why the link of a client ended. */
export type LinkEnd =
  | "closed"
  | "reset"
  | "heartbeat_lost"
  | "replaced"
  | "kicked"
  | "withdrawn"
  | "server_stopped"
  | "protocol_error";

/**
 * Why a link ended by itself.
 *
 * @param failure what was thrown, or undefined for an end in order.
 * @param reset whether the connection broke off.
 */
export function linkEnd(failure: unknown, reset: boolean): LinkEnd {
  if (failure instanceof DeadlineError) return "heartbeat_lost";
  if (failure !== undefined) return "protocol_error";
  return reset ? "reset" : "closed";
}

/** How a visitor ended; the words of its log line on the left. */
const VISITOR_ENDS: readonly [RegExp, string][] = [
  [/^done$/, "done"],
  [/reset$/, "reset"],
  [/^(?:refused|rejected)\b/, "refused"],
  [/^drained$/, "drained"],
  [/^idle timeout$/, "idle_timeout"],
  [/^kicked$/, "kicked"],
  [/^withdrawn$/, "withdrawn"],
  [/^visitor token revoked$/, "token_revoked"],
  [/^visitor token expired$/, "token_expired"],
  [/^client vanished$/, "vanished"],
  [/^server stopped$/, "server_stopped"],
  [/^(?:left without a word|stayed silent)$/, "silent"],
  [
    /^(?:greeted, left|left unrecognised|protocol not recognised|too slow|asked too often)$/,
    "unrecognised",
  ],
  [/^(?:answer broke off|service ended first)$/, "service_ended"],
  [/^malformed/, "malformed"],
  [/^TLS: /, "tls_failed"],
  [/^(?:failed|internal error)/, "failed"],
];

/** How a visitor ended, by the words of its log line. */
export function visitorEnd(words: string): string {
  return VISITOR_ENDS.find(([form]) => form.test(words))?.[1] ?? "other";
}
