/**
 * `deno task server`: runs `main.ts` under the smallest set of permissions that the flags call for.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { launch, permissionFlags, UsageError } from "@agentx/common/cli";
import { permissions, readRequest } from "./program.ts";

async function main(): Promise<number> {
  const request = await readRequest(Deno.args);
  if (request.kind === "print") return print(request.text);
  const needed = permissions(request.values);
  if (request.values["print-permissions"]) return print(permissionFlags(needed).join("\n") + "\n");
  return await launch(new URL("./main.ts", import.meta.url), Deno.args, needed);
}

function print(text: string): number {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  return 0;
}

try {
  Deno.exit(await main());
} catch (error) {
  Deno.stderr.writeSync(new TextEncoder().encode(`arps: ${reason(error)}\n`));
  Deno.exit(error instanceof UsageError ? 2 : 1);
}
