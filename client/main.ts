/**
 * `arpc`: the only file of the client with arguments, signals and exit codes.
 *
 * @module
 */

import { formatAddress, getLogger, reason, tag } from "@agentx/common";
import {
  findSubcommand,
  keepNetwork,
  outliveFaults,
  permissionFlags,
  revokeAllBut,
  runSubcommand,
  shutdownSignals,
  startLogging,
  UsageError,
  type Values,
} from "@agentx/common/cli";
import { banner } from "./banner.ts";
import { runClient } from "./client.ts";
import { commandConfig } from "./command/config.ts";
import type { CommandMode } from "./command/mod.ts";
import { type ClientConfig, clientConfig, localPort, OPTIONS } from "./config.ts";
import { machineClientId, thisMachine } from "./identity.ts";
import { ReplacedError } from "./link.ts";
import { permissions, place, readRequest } from "./program.ts";
import { stateFolder, writeState } from "./state.ts";
import { SUBCOMMANDS } from "./subcommands.ts";
import { TokenWatch } from "./token/watch.ts";

/** Exit code of a client whose id was registered again elsewhere: a service must not restart it. */
const REPLACED = 3;

/** What command mode needs of a binary that may do everything; a launcher grants less. */
const COMMAND_GRANTS = ["net", "run", "read", "write", "env"] as const;

async function main(): Promise<void> {
  const other = findSubcommand(SUBCOMMANDS, Deno.args, OPTIONS);
  if (other !== undefined) return await runSubcommand(other);
  const request = await readRequest(Deno.args);
  if (request.kind === "print") return print(request.text);
  const { values } = request;
  if (values["print-permissions"]) {
    return print(permissionFlags(await permissions(values)).join("\n") + "\n");
  }
  const config = clientConfig(values, () => machineClientId(thisMachine()));
  await using _logging = await startLogging(values);
  const log = getLogger(["arpc"]);
  log.info("Client starts", { client: await tag(config.clientId) });
  remember(config.clientId);
  using tokens = TokenWatch.open(stateFolder());
  if (config.requireVisitorToken) {
    if (tokens === undefined) {
      log.warning("Nobody can visit: ~/.arp-client, with its tokens, is out of reach");
    } else log.info("Visitors need a token: arpc token create --ttl 2h");
  }
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
  await runClient(served, { online: showOnce(served) }, shutdown, tokens);
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

/** Shows the URLs when they are first known, and again only when they change. */
function showOnce({ localAddr, localPort }: ClientConfig): (urls: readonly string[]) => void {
  let shown = "";
  return (urls) => {
    if (urls.length === 0 || urls.join() === shown) return;
    shown = urls.join();
    const terminal = Deno.stdout.isTerminal();
    const screen = {
      terminal,
      colour: terminal && !Deno.noColor,
      columns: terminal ? Deno.consoleSize().columns : 0,
    };
    const local = formatAddress({ hostname: localAddr, port: localPort });
    void banner(urls, local, screen).then(print);
  };
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    Deno.stderr.writeSync(new TextEncoder().encode(`arpc: ${reason(error)}\n`));
    Deno.exit(error instanceof UsageError ? 2 : error instanceof ReplacedError ? REPLACED : 1);
  }
  Deno.exit(0);
}
