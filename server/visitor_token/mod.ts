/**
 * Visitor tokens: what a client signed for somebody to visit it, for a while and within limits.
 *
 * @module
 */

import type { Client } from "../registry.ts";

/** Which tokens are good no more, and how often each was used. */
export class VisitorTokens {
  /** A client says that these are good no more: whoever visits by one is ended. */
  revoke(_client: Client, _ids: readonly string[]): void {}
}
