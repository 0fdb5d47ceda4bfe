/**
 * `arps`: the only file of the server with arguments, signals and exit codes.
 *
 * @module
 */

import { formatAddress, getLogger } from "@agentx/common";
import {
  complain,
  findProgram,
  isExporting,
  keepNetwork,
  logExport,
  outliveFaults,
  outliveHangUp,
  permissionFlags,
  print,
  runSubcommand,
  shutdownSignals,
  startLogging,
} from "@agentx/common/cli";
import { openTo } from "./auth/mod.ts";
import { serverConfig, VERSION } from "./config.ts";
import { openParts } from "./parts.ts";
import { FAMILY, permissions, readRequest, watchedFiles } from "./program.ts";
import { Server } from "./server.ts";

async function main(): Promise<void> {
  const asked = findProgram(FAMILY, Deno.args);
  if (asked.kind !== "own") Deno.exit(await runSubcommand(asked));
  const request = await readRequest(asked.args);
  if (request.kind === "print") return print(request.text);
  const { values } = request;
  if (values["print-permissions"]) {
    return print(permissionFlags(permissions(values)).join("\n") + "\n");
  }
  const config = serverConfig(values);
  const logs = logExport();
  await using _logging = await startLogging(values);
  await using parts = await openParts(config);
  const open = openTo(config);
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
  if (open !== undefined) {
    log.warning(
      "Anybody who reaches the control port may register as anything: see --auth-token",
      open,
    );
  }
  const { control, proxy, public: visitors } = server.ports;
  log.info("Server ready", {
    version: VERSION,
    control: formatAddress(control),
    proxy: formatAddress(proxy),
    public: formatAddress(visitors),
    ...(admin === null ? {} : { admin: admin.url }),
  });
  if (admin !== null && Deno.stdout.isTerminal()) print(`Dashboard: ${admin.page}\n`);
  if (logs === "lacking") {
    log.info("This log is not exported, the rest of the telemetry is", {
      hint:
        "set OTEL_DENO_CONSOLE=replace, and with deno run --allow-env=OTEL_DENO_CONSOLE as well",
    });
  }
  await aborted(shutdown.drain);
  // Whoever looks after the servers is to find the one that stays.
  if (config.reusePort) void admin?.[Symbol.asyncDispose]();
  await Promise.race([server.drain(), aborted(shutdown.now)]);
  log.info("Server stopped");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    Deno.exit(complain("arps", error));
  }
  Deno.exit(0);
}
