/**
 * What a client may do by its token, as long as the owner of the server leaves it at that.
 *
 * @module
 */

import type { Register } from "@agentx/common";
import type { Entries } from "./entries.ts";
import type { Grant } from "./mod.ts";
import type { SlowHash } from "./scrypt.ts";

/** Said of a wrong token as of an unknown id: nobody learns from it which ids there are. */
export const WRONG =
  "the --auth-token is wrong or not for this client id: ask the owner of the server";

/** The entries as they are by then. */
type Current = () => Entries | undefined;

/** What the shared token allows: all but what the file speaks for. */
export function sharedGrant({ client_id: id, aliases = [] }: Register, current: Current): Grant {
  return {
    mayOpen: () => true,
    withdrawn: () => {
      if (current()?.find(id) !== undefined) return WRONG;
      return notAllowed(aliases, (name) => current()?.find(name) === undefined);
    },
  };
}

/** What the entry of an id allows, while it has the hash by which the client was let in. */
export function entryGrant(
  { client_id: id, aliases = [] }: Register,
  hash: SlowHash,
  current: Current,
): Grant {
  return {
    mayOpen: (port) => current()?.find(id)?.ports?.has(port) === true,
    withdrawn: (port) => {
      const entries = current();
      const entry = entries?.find(id);
      if (entries === undefined || entry === undefined) return WRONG;
      if (!entry.hashes.some(({ text }) => text === hash.text)) return WRONG;
      if (entry.disabled) return "the owner of the server has disabled this client id";
      if (entry.expires <= Date.now()) {
        return "the --auth-token has expired: ask the owner of the server for another";
      }
      if (port !== undefined && !entry.ports?.has(port)) {
        return `port ${port} is not among those that your token allows`;
      }
      return notAllowed(aliases, (name) => name === id || entries.mayUse(entry, name));
    },
  };
}

function notAllowed(
  aliases: readonly string[],
  mayUse: (alias: string) => boolean,
): string | undefined {
  const at = aliases.findIndex((alias) => !mayUse(alias));
  if (at < 0) return undefined;
  // Not by its name: whoever hears it may log it.
  return `alias ${at + 1} of ${aliases.length} is not among those that your token allows`;
}
