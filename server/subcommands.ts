/**
 * What `arps` does besides serving: one line each.
 *
 * @module
 */

import type { Subcommand } from "@agentx/common/cli";

/** By the word that asks for them. */
export const SUBCOMMANDS: readonly Subcommand[] = [];
