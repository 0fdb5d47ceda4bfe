/**
 * How to reach the server's ports.
 *
 * @module
 */

import { type Dial, dialTcp } from "@agentx/common";
import type { TlsChoice, Trust } from "./options.ts";

/** How to reach each port. */
export interface ServerDials {
  control: Dial;
  proxy: Dial;
}

/**
 * The dials for the choice.
 *
 * @throws {UsageError} that names the file when `--tls-ca` cannot be used.
 */
export async function serverDials(tls: TlsChoice | undefined): Promise<ServerDials> {
  if (tls === undefined) return { control: dialTcp, proxy: dialTcp };
  const dial = await tlsDialler(tls.trust);
  return { control: tls.control ? dial : dialTcp, proxy: tls.proxy ? dial : dialTcp };
}

/** A dial by TLS; loaded where it is wanted. */
export async function tlsDialler(trust: Trust): Promise<Dial> {
  const { tlsDial } = await import("./connect.ts");
  return tlsDial(trust);
}
