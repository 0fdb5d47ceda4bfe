/**
 * `arps auth check`: whether an `--auth-file` is of use, and to whom.
 *
 * @module
 */

import { print } from "@agentx/common/cli";
import { type Entries, type Entry, readEntries } from "../auth/entries.ts";
import { Gate } from "../auth/gate.ts";
import { hashMatches } from "../auth/scrypt.ts";
import { RegistrationError } from "../registration_error.ts";
import type { CheckValues } from "./options.ts";
import { checkToken, readToken } from "./token.ts";

/**
 * Prints what is in the file, and who would be let in.
 *
 * @param token of the client, else it is read from standard input.
 * @throws {UsageError} when the file or the token is of no use.
 * @throws {Error} with the reason when the client would not be let in.
 */
export async function runCheck(
  file: string,
  values: CheckValues,
  token: string | undefined,
): Promise<void> {
  const entries = await readEntries(file);
  print(`${file}: ${summary(entries)}\n`);
  const { "client-id": id } = values;
  if (id === undefined) return;
  const secret = token === undefined ? await readToken() : checkToken(token);
  print(`${id}: ${await verdict(entries, { ...values, "client-id": id }, secret)}\n`);
}

/** Counts what is there. */
export function summary({ all }: Entries, now: number = Date.now()): string {
  const count = (fits: (entry: Entry) => boolean) => all.filter(fits).length;
  const parts = [
    `${all.length} client${all.length === 1 ? "" : "s"}`,
    `${count(({ id }) => id.includes("*"))} of them for patterns of ids`,
    `${count(({ disabled }) => disabled)} disabled`,
    `${count(({ expires }) => expires <= now)} expired`,
  ];
  return parts.filter((part, at) => at === 0 || !part.startsWith("0 ")).join(", ");
}

/**
 * What a server would say, by the code that says it there.
 *
 * @throws {Error} with more than the client would be told when it would be refused.
 */
export async function verdict(
  entries: Entries,
  values: Pick<CheckValues, "alias" | "remote-port"> & { "client-id": string },
  token: string,
): Promise<string> {
  const { "client-id": id, alias, "remote-port": port } = values;
  const entry = entries.find(id);
  await using gate = new Gate({ entries });
  try {
    const command = { type: "Register", client_id: id, auth: token, aliases: alias } as const;
    const grant = await gate.authenticate(command, "127.0.0.1");
    const why = grant.withdrawn(port || undefined);
    if (why !== undefined) throw new RegistrationError(why);
  } catch (error) {
    if (!(error instanceof RegistrationError)) throw error;
    if (entry === undefined) {
      throw new Error("not let in: no client of the file stands for this id");
    }
    const right = await Promise.all(entry.hashes.map((hash) => hashMatches(hash, token)));
    const why = right.includes(true) ? error.message : "the token is another one";
    throw new Error(`not let in by ${nameOf(entry)}: ${why}`);
  }
  const { aliases, ports } = entry!;
  return `let in by ${nameOf(entry!)}; aliases: ${
    aliases.length === 0 ? "none" : aliases.join(", ")
  }; ports: ${ports ?? "none"}`;
}

/** For the owner of the file, who has its ids before them. */
function nameOf({ id, nth, line }: Entry): string {
  return `client ${nth} of the file, "${id}" in line ${line}`;
}
