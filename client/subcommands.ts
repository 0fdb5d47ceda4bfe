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
