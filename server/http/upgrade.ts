/**
 * A request for raw bytes: `Upgrade: arp` makes of an HTTP connection, and so of any path that lets
 * a WebSocket through, a connection to whatever the client's service speaks.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-7.8 | RFC 9110 §7.8: Upgrade}
 * @module
 */

import { hasToken, type RequestHead } from "@agentx/common/http";
import type { Match, ServiceFacts } from "../sniff/mod.ts";
import { answer } from "./answer.ts";

const NOTHING = new Uint8Array(0);
const SWITCHING = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: arp\r\n\r\n",
);

/** Whether a request asks for raw bytes; HTTP/1.0 knows no upgrade. */
export function wantsRaw(head: RequestHead): boolean {
  return head.minor === 1 && hasToken(head, "upgrade", "arp") &&
    hasToken(head, "connection", "upgrade");
}

/**
 * What becomes of such a request: 101 once the service is reached, else the reason as an answer.
 *
 * @param client whom the request was let in to.
 */
export function rawMatch(head: RequestHead, client: ServiceFacts): Match {
  return {
    kind: "raw",
    protocol: "arp",
    to: { client },
    size: head.size,
    head: () => NOTHING,
    accepted: SWITCHING,
    refuse: (refusal) => answer(refusal, head, false),
  };
}
