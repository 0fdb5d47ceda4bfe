/**
 * `deno task client`: runs `main.ts` under the smallest set of permissions that the flags call for.
 *
 * @module
 */

import { launchProgram } from "@agentx/common/cli";
import { connectArguments, connectPermissions, readConnectRequest } from "./connect/program.ts";
import { permissions, readRequest } from "./program.ts";

const main = new URL("./main.ts", import.meta.url);
Deno.exit(
  connectArguments(Deno.args) === undefined
    ? await launchProgram("arpc", main, Deno.args, readRequest, permissions)
    : await launchProgram("arpc", main, Deno.args, readConnectRequest, connectPermissions),
);
