/**
 * `arpc connect`: the visitor's side of a tunnel for services that do not speak HTTP.
 *
 * @module
 */

import {
  type Address,
  formatAddress,
  getLogger,
  type Listener,
  listenTcp,
  reason,
} from "@agentx/common";
import { serveLocal } from "./connect/listen.ts";
import { type ConnectConfig, formatServer } from "./connect/options.ts";
import { type Input, joinStdio, type Output } from "./connect/stdio.ts";
import { reach } from "./connect/upgrade.ts";
import type { Trust } from "./tls/options.ts";

const log = getLogger(["arpc", "connect"]);

/**
 * Joins standard input and output to the service, until that has said all.
 *
 * @throws {Error} when the service was not reached, or the connection to it broke off.
 */
export async function connectStdio(
  { server, token }: ConnectConfig,
  trust: Trust = {},
  input?: Input,
  output?: Output,
): Promise<void> {
  const since = performance.now();
  const remote = await reach(server, token, { trust });
  const ms = () => Math.round(performance.now() - since);
  // A user of ssh sees standard error, and wants to see nothing of this there.
  log.debug("Service reached", { server: formatServer(server), ms: ms() });
  const traffic = await joinStdio(remote, input, output);
  log.debug("Connection ended", { ...traffic, ms: ms() });
}

/**
 * Opens the local port.
 *
 * @throws {Error} when it cannot be had.
 */
export function openLocal(address: Address): Listener {
  try {
    return listenTcp(address);
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    throw new Error(
      `Cannot listen on --listen ${formatAddress(address)}: ` +
        (taken ? "another program uses it; choose another port" : reason(error)),
      { cause: error },
    );
  }
}

/** Serves each connection to a local port by one to the service, until told to stop. */
export async function connectListener(
  { server, token }: ConnectConfig,
  listener: Listener,
  stop: AbortSignal,
  trust: Trust = {},
): Promise<void> {
  const { address } = listener;
  log.info("Listening", { address: formatAddress(address), server: formatServer(server) });
  await serveLocal(listener, (signal) => reach(server, token, { signal, trust }), stop);
  log.info("Stopped listening");
}

/** The text that says where the service is now. Piped, it is the address alone. */
export function listening({ server }: ConnectConfig, address: Address, terminal: boolean): string {
  const where = formatAddress(address);
  return terminal
    ? `\n  ${where}  → ${
      formatServer(server)
    }\n\n  Connections there reach the service. Ctrl-C stops.\n\n`
    : `${where}\n`;
}
