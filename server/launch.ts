/**
 * `deno task server`: runs `main.ts` under the smallest set of permissions that the flags call for.
 *
 * @module
 */

import { launchProgram } from "@agentx/common/cli";
import { permissions, readRequest } from "./program.ts";

const main = new URL("./main.ts", import.meta.url);
Deno.exit(await launchProgram("arps", main, Deno.args, readRequest, permissions));
