/**
 * Dialling a public port, with TLS if it speaks that, or a proxy in front of it does.
 *
 * @module
 */

import { type Conn, type DialOptions, dialTcp } from "@agentx/common";
import { tlsDialler } from "../tls/dial.ts";
import type { Trust } from "../tls/options.ts";
import type { Server } from "./options.ts";

/**
 * Connects to a server. Its certificate is always verified: against the roots that Deno trusts and
 * those that `DENO_CERT` names, unless there is something else to trust.
 *
 * @throws {DeadlineError} when it took longer than the timeout, TLS included.
 * @throws {Error} that says what is wrong with the certificate.
 */
export async function dialServer(
  { tls, ...address }: Server,
  options?: DialOptions,
  trust: Trust = {},
): Promise<Conn> {
  const dial = tls ? await tlsDialler(trust) : dialTcp;
  return await dial(address, options);
}
