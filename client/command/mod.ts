/**
 * Command mode: the API, the MCP server and the page, and what stands behind them. The client
 * exposes it like any local service.
 *
 * @module
 */

import { type Address, formatAddress, getLogger } from "@agentx/common";
import { readVariable, UsageError } from "@agentx/common/cli";
import { join } from "@std/path";
import { createApp, type Deps } from "./app.ts";
import { Approvals } from "./approvals.ts";
import type { CommandConfig } from "./config.ts";
import { Door } from "./door.ts";
import { EXECUTORS } from "./executors/mod.ts";
import { Probe } from "./executors/probe.ts";
import { Gate } from "./http/guard.ts";
import { openHistories } from "./history/mod.ts";
import { createMcpApp } from "./mcp.ts";
import { Sessions } from "./sessions/sessions.ts";
import { Store } from "./sessions/store.ts";

const log = getLogger(["arpc", "command"]);

/** Nobody but this machine and the tunnel reaches it. */
const LOOPBACK = "127.0.0.1";

/** What serves the API; disposing ends all sessions, as interrupted ones. */
export class CommandMode implements AsyncDisposable {
  private constructor(
    /** Where it can be reached on this machine. */
    readonly address: Address,
    private readonly sessions: Sessions,
    private readonly resources: AsyncDisposableStack,
  ) {}

  /**
   * Opens the database, and serves.
   *
   * @param port where to serve on loopback, 0 for any.
   * @throws {Error} when the database or a port cannot be had; the message says what to do.
   */
  static async open(config: CommandConfig, port: number): Promise<CommandMode> {
    await using stack = new AsyncDisposableStack();
    Deno.mkdirSync(config.stateFolder, { recursive: true, mode: 0o700 });
    const store = stack.use(new Store(join(config.stateFolder, "sessions.db")));
    const approvals = stack.use(new Approvals(store, config.limits.approvalTimeout));
    const probe = new Probe(EXECUTORS, config.passEnv);
    const sessions = stack.use(new Sessions(config, store, approvals, probe));
    const histories = openHistories(config.home, readVariable);
    const deps: Deps = { config, sessions, approvals, probe, histories };
    const gate = new Gate(config);
    const inner = serve(stack, 0, createApp(deps, gate).fetch);
    const mcp = config.mcpPort === undefined
      ? undefined
      : serve(stack, config.mcpPort, createMcpApp(deps, gate).fetch, "--mcp-port");
    const door = stack.use(Door.open({
      hostname: LOOPBACK,
      port,
      inner,
      config,
      own: mcp === undefined ? [] : [mcp.port],
      authorize: (method, headers) => gate.check(method, headers),
    }));
    tell(config, door.address, mcp);
    return new CommandMode(door.address, sessions, stack.move());
  }

  /** Ends all sessions, so that who watches one sees its end before the link goes. */
  async endSessions(): Promise<void> {
    await this.sessions[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

/** Serves on loopback until the stack is disposed; requests that still run then are cut off. */
function serve(
  stack: AsyncDisposableStack,
  port: number,
  handler: (request: Request) => Response | Promise<Response>,
  option = "a port of 127.0.0.1",
): Address {
  const over = new AbortController();
  const options = { hostname: LOOPBACK, port, signal: over.signal, onListen: () => {} };
  try {
    const server = Deno.serve(options, handler);
    stack.defer(async () => {
      over.abort();
      await server.finished;
    });
    return { hostname: LOOPBACK, port: server.addr.port };
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new UsageError(`Cannot listen on ${option} ${port}: another program uses it`);
  }
}

function tell(config: CommandConfig, door: Address, mcp: Address | undefined): void {
  log.info("Command mode", {
    api: `http://${formatAddress(door)}/`,
    mcp: mcp === undefined ? undefined : `http://${formatAddress(mcp)}/mcp`,
    projects: config.projectRoots.join(", "),
  });
  if (config.apiKey === undefined) {
    log.warning(
      "No API key: whoever knows the client id can let CLIs work on this machine. Set ARP_API_KEY.",
    );
  }
  if (config.allowBypass) {
    log.warning("--allow-bypass: sessions may choose modes in which CLIs ask nobody");
  }
}
