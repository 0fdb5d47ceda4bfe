/**
 * Whether the sandbox of Codex works on this machine. In many containers it does not.
 *
 * @module
 */

import { fields, text } from "../events/fields.ts";
import type { Json } from "../events/mod.ts";
import type { ThreadOptions } from "./codex_app_server.ts";
import type { JsonRpc } from "./jsonrpc.ts";
import type { Host } from "./mod.ts";

/** How long the attempt may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * Tries the sandbox, and says what turns have to be started with. Where it does not work, everything
 * that Codex runs would fail, also after a yes; so if every command is asked for, a yes is enough.
 */
export async function checkSandbox(
  rpc: JsonRpc,
  { approvalPolicy, sandbox }: Pick<ThreadOptions, "approvalPolicy" | "sandbox">,
  host: Pick<Host, "notice">,
): Promise<Json> {
  if (sandbox === "danger-full-access") return {};
  const fault = await attempt(rpc);
  if (fault === undefined) return {};
  if (approvalPolicy === "untrusted") {
    host.notice(
      `The sandbox of Codex does not work here (${fault}): what you allow runs without it`,
    );
    return { sandboxPolicy: { type: "dangerFullAccess" } };
  }
  host.notice(
    `The sandbox of Codex does not work here (${fault}), so commands will fail. ` +
      "In the default mode each is asked for, and runs without it",
  );
  return {};
}

/** What was wrong; undefined when it works, or cannot be tried. */
async function attempt(rpc: JsonRpc): Promise<string | undefined> {
  // Windows has no such program, and sandboxes that are set up by hand.
  if (Deno.build.os === "windows") return undefined;
  try {
    const sandboxPolicy = { type: "readOnly", networkAccess: false };
    const { exitCode, stderr } = fields(
      await rpc.request("command/exec", { command: ["true"], sandboxPolicy }, PATIENCE_MS),
    );
    if (exitCode === 0) return undefined;
    return text(stderr).trim().split("\n").at(-1)!.slice(0, 200) || `exit code ${exitCode}`;
  } catch {
    return undefined;
  }
}
