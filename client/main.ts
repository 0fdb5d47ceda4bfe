/**
 * `arpc`: the only file of the client with arguments, signals and exit codes.
 *
 * @module
 */

import { formatAddress, getLogger, reason, tag } from "@agentx/common";
import {
  complain,
  findProgram,
  keepNetwork,
  outliveFaults,
  permissionFlags,
  print,
  revokeAllBut,
  runSubcommand,
  shutdownSignals,
  startLogging,
  type Values,
} from "@agentx/common/cli";
import { banner, createCommand } from "./banner.ts";
import { type ClientEvents, runClient } from "./client.ts";
import { commandConfig } from "./command/config.ts";
import type { CommandMode } from "./command/mod.ts";
import { type ClientConfig, clientConfig, localPort } from "./config.ts";
import { machineClientId, thisMachine } from "./identity.ts";
import { ReplacedError } from "./link.ts";
import type { OPTIONS } from "./options.ts";
import { FAMILY, permissions, place, readRequest } from "./program.ts";
import { stateFolder, writeState } from "./state.ts";
import { openTokens } from "./token/open.ts";
import type { Tokens } from "./token/watch.ts";

/** Exit code of a client whose id was registered again elsewhere: a service must not restart it. */
const REPLACED = 3;

/** What command mode needs of a binary that may do everything; a launcher grants less. */
const COMMAND_GRANTS = ["net", "run", "read", "write", "env"] as const;

async function main(): Promise<void> {
  const asked = findProgram(FAMILY, Deno.args);
  if (asked.kind !== "own") Deno.exit(await runSubcommand(asked));
  const request = await readRequest(asked.args);
  if (request.kind === "print") return print(request.text);
  const { values } = request;
  if (values["print-permissions"]) {
    return print(permissionFlags(await permissions(values)).join("\n") + "\n");
  }
  const config = clientConfig(values, () => machineClientId(thisMachine()));
  await using _logging = await startLogging(values);
  const log = getLogger(["arpc"]);
  log.info("Client starts", { client: await tag(config.clientId) });
  const keyFile = values["visitor-key-file"];
  using tokens = openTokens({ ...config, visitorKeyFile: keyFile });
  remember(config.clientId);
  await (values["command-mode"] ? revokeAllBut(...COMMAND_GRANTS) : keepNetwork(values));
  using _faults = outliveFaults("arpc");
  using shutdown = shutdownSignals();
  await using mode = values["command-mode"] ? await openCommandMode(values) : undefined;
  shutdown.drain.addEventListener("abort", () => void mode?.endSessions(), { once: true });
  // What it speaks is known, and nobody has to look.
  const served = mode === undefined ? config : {
    ...config,
    localAddr: mode.address.hostname,
    localPort: mode.address.port,
    service: "none",
  };
  await runClient(served, { online: showOnce(served, tokens, keyFile) }, shutdown, tokens);
  log.info("Client stopped");
}

/** Loaded only where it is wanted: what exposes a service stays small. */
async function openCommandMode(values: Values<typeof OPTIONS>): Promise<CommandMode> {
  const { CommandMode } = await import("./command/mod.ts");
  return await CommandMode.open(commandConfig(values, place()), localPort(values));
}

/** Leaves the id for the next run, where there is a home folder and permission to write there. */
function remember(clientId: string): void {
  const folder = stateFolder();
  if (folder === undefined) return;
  const allowed = (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path: folder }).state === "granted"
  );
  if (!allowed) return;
  try {
    writeState(folder, clientId);
  } catch (error) {
    getLogger(["arpc"]).warning("Cannot keep the client id", { folder, why: reason(error) });
  }
}

/**
 * Shows the URLs when they are first known, or how to make one, and again only when they change.
 *
 * @param keyFile `--visitor-key-file`
 */
function showOnce(
  { clientId, localAddr, localPort }: ClientConfig,
  tokens: Tokens | undefined,
  keyFile: string | undefined,
): ClientEvents["online"] {
  let shown = "";
  return async (urls, { needsToken, sites }) => {
    const now = [needsToken, ...urls].join();
    if (urls.length === 0 || now === shown) return;
    shown = now;
    const kept = await tokens?.keep(sites) ?? false;
    const url = kept && keyFile === undefined ? undefined : sites.get(clientId);
    const create = needsToken ? createCommand({ clientId, keyFile, url }) : undefined;
    const terminal = Deno.stdout.isTerminal();
    const screen = {
      terminal,
      colour: terminal && !Deno.noColor,
      columns: terminal ? Deno.consoleSize().columns : 0,
    };
    const local = formatAddress({ hostname: localAddr, port: localPort });
    print(await banner({ urls, local, create }, screen));
  };
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const code = complain("arpc", error);
    Deno.exit(error instanceof ReplacedError ? REPLACED : code);
  }
  Deno.exit(0);
}
