/**
 * What `arpc` does besides exposing a service: one line each.
 *
 * @module
 */

import type { Subcommand } from "@agentx/common/cli";
import { CONNECT } from "./connect/program.ts";
import { TOKEN } from "./token/program.ts";

/** By the word that asks for them. */
export const SUBCOMMANDS: readonly Subcommand[] = [CONNECT, ...TOKEN];

/** What several have in common that begin with the same word. */
export const GROUPS: Readonly<Record<string, string>> = {
  token: "Visitor tokens: they let somebody visit this machine's service for a while.",
};
