/**
 * `arpc token revoke`.
 *
 * @module
 */

import { UsageError, type Values } from "@agentx/common/cli";
import { keyFile, newSigningKey } from "./key.ts";
import { type Facts, type Issued, Ledger } from "./ledger.ts";
import type { REVOKE_OPTIONS } from "./options.ts";
import { print, tokenFolder } from "./show.ts";

/** Fewest characters of an id that stand for it. */
const MIN_PREFIX = 4;

/**
 * Takes tokens back, and prints which.
 *
 * @throws {Error} when there are none of that name.
 */
export async function runRevoke(values: Values<typeof REVOKE_OPTIONS>): Promise<void> {
  const { which: name, "new-key": newKey, "visitor-key-file": file } = values;
  if (name === undefined) {
    throw new UsageError("expected an id, a label or all, found nothing; see arpc token list");
  }
  if (newKey && name !== "all") throw new UsageError(`--new-key: expected all, found "${name}"`);
  const folder = tokenFolder();
  using ledger = await Ledger.open(folder);
  const now = Date.now() / 1000;
  const found = chosen(ledger.read(), name, now);
  const made = newKey ? await newSigningKey(file ?? keyFile(folder)) : undefined;
  // Whoever uses a key in a file of its own knows it from there.
  const key = made === undefined || file !== undefined ? [] : [{ key: made.x }];
  ledger.add(...found.map(({ id }) => ({ revoked: id, at: Math.floor(now) })), ...key);
  for (const { id, label = "" } of found) print(`revoked ${id} ${label}`.trimEnd());
  if (made !== undefined) {
    const when = file === undefined ? "" : ` once arpc was started anew with ${file}`;
    print(`There is a new key; tokens of the last one are good no more${when}.`);
  } else if (found.length === 0) print("There was nothing to revoke.");
}

/**
 * The tokens that a name stands for and that were good so far.
 *
 * @throws {Error} when it stands for none, or for the start of several ids.
 */
export function chosen({ tokens, revoked }: Facts, name: string, now: number): Issued[] {
  const good = ({ id, expires }: Issued) => expires > now && !revoked.has(id);
  const all = [...tokens.values()];
  if (name === "all") return all.filter(good);
  const labelled = all.filter(({ label }) => label === name);
  const exact = tokens.get(name);
  if (exact !== undefined) return [exact].filter(good);
  if (labelled.length > 0) return labelled.filter(good);
  const near = name === "" ? [] : all.filter(({ id }) => id.startsWith(name));
  const long = name.length >= MIN_PREFIX;
  if (near.length === 1 && long) return near.filter(good);
  throw new Error(
    near.length > 0
      ? `"${name}" begins ${near.length === 1 ? "an id" : `${near.length} ids`}; give ` +
        (long ? "more of it" : `at least ${MIN_PREFIX} characters`)
      : `No visitor token "${name}" was made on this machine; see arpc token list`,
  );
}
