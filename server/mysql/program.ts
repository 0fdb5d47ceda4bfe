/**
 * Which run of the command-line client a visitor is. At Ctrl-C that one logs in once more, as the
 * same user but without a database, and so without a token that stands there. It says of itself
 * what it said before, the number of its process included.
 *
 * @module
 */

import { latin1 } from "@agentx/common";
import { Reader } from "./bytes.ts";
import type { Response } from "./response.ts";

/**
 * What the client calls itself. Other programs may talk to several services at a time, so that a
 * second connection tells nothing.
 */
const NAMES: readonly unknown[] = ["mysql", "mariadb"];
/** Longest description that is kept, in bytes; about 130 are usual. */
const MAX_BYTES = 512;

/**
 * A key that only connections of one run of the client share; undefined for any other program.
 *
 * @param address the visitor's; nobody elsewhere can be that run.
 */
export function programOf(
  { user, attributes }: Pick<Response, "user" | "attributes">,
  address: string,
): string | undefined {
  if (attributes.length > MAX_BYTES) return undefined;
  const said = new Map<string, string>();
  const reader = new Reader(attributes);
  while (reader.left > 0) said.set(reader.text(reader.lenenc()), reader.text(reader.lenenc()));
  if (!reader.ok || !said.has("_pid") || !NAMES.includes(said.get("program_name"))) {
    return undefined;
  }
  return `mysql:${JSON.stringify([address, user, latin1(attributes)])}`;
}
