/**
 * `deno task client`: runs `main.ts` under the smallest set of permissions that the flags call for.
 *
 * @module
 */

import { findProgram, launchProgram, launchSubcommand } from "@agentx/common/cli";
import { FAMILY, permissions, readRequest } from "./program.ts";

const main = new URL("./main.ts", import.meta.url);
const asked = findProgram(FAMILY, Deno.args);

Deno.exit(
  asked.kind === "own"
    ? await launchProgram("arpc", main, asked.args, readRequest, permissions)
    : await launchSubcommand(main, asked),
);
