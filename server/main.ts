/**
 * `arps`: the only file of the server with arguments, signals and exit codes.
 *
 * @module
 */

import { formatAddress, getLogger, reason } from "@agentx/common";
import {
  findSubcommand,
  keepNetwork,
  outliveFaults,
  outliveHangUp,
  permissionFlags,
  runSubcommand,
  shutdownSignals,
  startLogging,
  UsageError,
} from "@agentx/common/cli";
import { OPTIONS, serverConfig, VERSION } from "./config.ts";
import { openParts } from "./parts.ts";
import { permissions, readRequest, watchedFiles } from "./program.ts";
import { Server } from "./server.ts";
import { SUBCOMMANDS } from "./subcommands.ts";

async function main(): Promise<void> {
  const other = findSubcommand(SUBCOMMANDS, Deno.args, OPTIONS);
  if (other !== undefined) return await runSubcommand(other);
  const request = await readRequest(Deno.args);
  if (request.kind === "print") return print(request.text);
  const { values } = request;
  if (values["print-permissions"]) {
    return print(permissionFlags(permissions(values)).join("\n") + "\n");
  }
  const config = serverConfig(values);
  await using _logging = await startLogging(values);
  await using parts = await openParts(config);
  await keepNetwork(values, watchedFiles(values));
  using _faults = outliveFaults("arps");
  using shutdown = shutdownSignals();
  using _reload = outliveHangUp();
  await using telemetry = isExporting()
    ? new (await import("./admin/telemetry.ts")).Telemetry()
    : null;
  await using server = new Server(config, parts);
  await using admin = config.admin === undefined ? null : (await import("./admin/mod.ts"))
    .openAdmin(config.admin, config, server, VERSION, parts.admin);
  telemetry?.watch(server, VERSION);
  const log = getLogger(["arps"]);
  const { control, proxy, public: visitors } = server.ports;
  log.info("Server ready", {
    version: VERSION,
    control: formatAddress(control),
    proxy: formatAddress(proxy),
    public: formatAddress(visitors),
    ...(admin === null ? {} : { admin: admin.url }),
  });
  await aborted(shutdown.drain);
  // Whoever looks after the servers is to find the one that stays.
  if (config.reusePort) void admin?.[Symbol.asyncDispose]();
  await Promise.race([server.drain(), aborted(shutdown.now)]);
  log.info("Server stopped");
}

/** Whether the runtime exports telemetry (`OTEL_DENO=true`); to ask it needs no permission. */
function isExporting(): boolean {
  return Symbol.for("opentelemetry.js.api.1") in globalThis;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    Deno.stderr.writeSync(new TextEncoder().encode(`arps: ${reason(error)}\n`));
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
  Deno.exit(0);
}
