/**
 * `arps auth hash`: the hash of a token, alone or in an entry for `--auth-file`.
 *
 * @module
 */

import { print, UsageError, write } from "@agentx/common/cli";
import { hashToken } from "../auth/scrypt.ts";
import type { HashValues } from "./options.ts";
import { makeToken, readToken } from "./token.ts";

/**
 * Prints the hash to standard output, and a token that was made to standard error: what goes into
 * the file, and what goes to the client.
 *
 * @throws {UsageError} when options or the token are of no use.
 */
export async function runHash(values: HashValues): Promise<void> {
  if (values.id === undefined) {
    const stray = (["alias", "ports", "expires", "comment"] as const).find((key) =>
      isGiven(values, key)
    );
    if (stray !== undefined) throw new UsageError(`--${stray}: expected --id as well, found none`);
  }
  const token = values.generate ? makeToken() : await readToken();
  print(describe(values, await hashToken(token)));
  if (!values.generate) return;
  write(
    Deno.stderr,
    `The token, for ARP_AUTH_TOKEN of the client. It is kept nowhere, and not shown again:\n${token}\n`,
  );
}

/** What is printed: the hash, or an entry. */
export function describe(values: HashValues, hash: string): string {
  const { id, alias, ports, expires, comment, format } = values;
  if (id === undefined) return `${hash}\n`;
  const entry = {
    id,
    hash,
    ...(alias.length === 0 ? {} : { aliases: alias }),
    ...(ports.size === 0 ? {} : { ports: `${ports}` }),
    ...(expires === undefined ? {} : { expires }),
    ...(comment === undefined ? {} : { comment }),
  };
  if (format === "json") return `${JSON.stringify(entry, null, 2)}\n`;
  // Such texts and lists of them are written in TOML as they are in JSON.
  const lines = Object.entries(entry).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  return `\n[[clients]]\n${lines.join("")}`;
}

function isGiven(values: HashValues, key: "alias" | "ports" | "expires" | "comment"): boolean {
  if (key === "alias") return values.alias.length > 0;
  if (key === "ports") return values.ports.size > 0;
  return values[key] !== undefined;
}
