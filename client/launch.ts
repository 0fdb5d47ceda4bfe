/**
 * `deno task client`: runs `main.ts` under the smallest set of permissions that the flags call for.
 *
 * @module
 */

import { findSubcommand, launchProgram, launchSubcommand, UsageError } from "@agentx/common/cli";
import { OPTIONS } from "./config.ts";
import { permissions, readRequest } from "./program.ts";
import { SUBCOMMANDS } from "./subcommands.ts";

const main = new URL("./main.ts", import.meta.url);

function start(): Promise<number> {
  const other = findSubcommand(SUBCOMMANDS, Deno.args, OPTIONS);
  return other === undefined
    ? launchProgram("arpc", main, Deno.args, readRequest, permissions)
    : launchSubcommand(main, other);
}

try {
  Deno.exit(await start());
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  Deno.stderr.writeSync(new TextEncoder().encode(`arpc: ${error.message}\n`));
  Deno.exit(2);
}
