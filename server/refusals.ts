/**
 * What visitors are told that do not get through to a service: no client, one that is not open to
 * them, one whose service is not there, or because of themselves.
 *
 * @module
 */

import { Refusal } from "@agentx/common/http";
import { showToken } from "./http/route.ts";
import type { Registry } from "./registry.ts";

const CHECK_TOKEN = "Check the token: it is the --client-id, or an --alias, of a running arpc.";

/** Nobody was named, and there is no client for that case. */
export function namesNobody(): Refusal {
  return new Refusal(
    404,
    "Client Token not found",
    "Add ?token=CLIENT-ID to the URL, or send the header X-ARP-Token.",
  );
}

/**
 * None of these tokens leads to a client that is here: 503 if one was here a while ago, or if there
 * is none at all, else 404.
 */
export function leadsNowhere(
  registry: Pick<Registry, "wasHere" | "clients">,
  tokens: readonly string[],
  hint: string = CHECK_TOKEN,
): Refusal {
  const gone = tokens.find((token) => registry.wasHere(token));
  if (gone !== undefined) {
    return new Refusal(
      503,
      `Client '${showToken(gone)}' is offline`,
      "It was here a while ago. Is arpc running?",
      5,
    );
  }
  if (registry.clients.size === 0) {
    return new Refusal(503, "No active clients available", "Start arpc and try again.", 5);
  }
  return new Refusal(404, `Client '${showToken(tokens[0] ?? "")}' not found`, hint);
}

/** The client's visitors need more than its name. */
export function needsToken(): Refusal {
  return new Refusal(
    401,
    "A visitor token is needed here",
    "The name alone does not open it. Ask its owner for a token (arpc token create).",
  );
}

/** The token is another's than the client that is named beside it. */
export function opensAnother(): Refusal {
  return new Refusal(
    401,
    "This visitor token is not for the client that is named here",
    "Ask its owner for one that is (arpc token create).",
  );
}

/** The client could not open a connection to its service. */
export function unreachable(hint: string): Refusal {
  return new Refusal(502, "The local service cannot be reached", hint);
}

/** A request did not begin in time; `ms` milliseconds is how long it had. */
export function tooSlow(ms: number): Refusal {
  return new Refusal(408, `The request's head did not come within ${ms / 1000} s`);
}
