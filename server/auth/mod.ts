/**
 * Who may register as what.
 *
 * @module
 */

import type { Register } from "@agentx/common";

/** What a client may do, once it has shown who it is. */
export interface Grant {
  /** Whether it may have this public port of its own. */
  mayOpen(port: number): boolean;
}

/** Decides about registrations. */
export interface Authenticator {
  /**
   * Checks the secret of a registration, and whether its id and aliases are the client's to use.
   *
   * @param address of the client, for the limit of failures.
   * @throws {RegistrationError} when it may not register; the message tells no secret.
   */
  authenticate(command: Register, address: string): Promise<Grant>;
}

/** May do whatever the server offers. */
export const EVERYTHING: Grant = { mayOpen: () => true };

/** Anybody may register. */
export const OPEN: Authenticator = { authenticate: () => Promise.resolve(EVERYTHING) };
