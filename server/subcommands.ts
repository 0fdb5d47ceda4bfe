/**
 * What `arps` does besides serving: one line each.
 *
 * @module
 */

import type { Subcommand } from "@agentx/common/cli";
import { CHECK, HASH } from "./auth_command/program.ts";
import { CERT } from "./cert/program.ts";

/** By the word that asks for them. */
export const SUBCOMMANDS: readonly Subcommand[] = [HASH, CHECK, CERT];

/** What several have in common that begin with the same word. */
export const GROUPS: Readonly<Record<string, string>> = {
  auth: "Makes entries of an --auth-file, which says who may register as what, and checks one.",
};
