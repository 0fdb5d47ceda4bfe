/**
 * A visitor of a client's own port.
 *
 * @module
 */

import { Refusal } from "@agentx/common/http";
import { serveMatch } from "./public.ts";
import type { Client } from "./registry.ts";
import type { Router } from "./router.ts";
import type { Match } from "./sniff/mod.ts";
import type { Live } from "./visitors.ts";

/** Nothing has to be known of such a visitor, so nobody waits for its first bytes. */
const ANYTHING: Match = { kind: "raw", protocol: "tcp", to: undefined, size: 0 };

/** Serves a visitor that came to the port of a client. There are no words to refuse it in. */
export async function serveRemote(live: Live, client: Client, router: Router): Promise<string> {
  live.protocol = ANYTHING.protocol;
  live.clients = [client.tag];
  try {
    router.reachOwn(client);
    router.admit(client);
    return await serveMatch(live, client, ANYTHING, router);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    live.visitor.refused(error.status);
    return `refused ${error.status}`;
  }
}
