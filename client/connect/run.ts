/**
 * Runs `arpc connect` until its connection has ended, or it is told to stop listening.
 *
 * @module
 */

import {
  keepNetwork,
  outliveFaults,
  print,
  shutdownSignals,
  startLogging,
  type Values,
} from "@agentx/common/cli";
import { connectListener, connectStdio, listening, openLocal } from "../connect.ts";
import { readTrust } from "../tls/options.ts";
import { type CONNECT_OPTIONS, connectConfig } from "./options.ts";

/** The whole of a run. */
export async function runConnect(values: Values<typeof CONNECT_OPTIONS>): Promise<void> {
  const config = connectConfig(values);
  await using _logging = await startLogging(values);
  // The file may be out of reach afterwards.
  const trust = readTrust(values);
  await keepNetwork(values);
  // One connection ends by Ctrl-C as any program does: to end cleanly would be to say all went well.
  if (config.listen === undefined) return await connectStdio(config, trust);
  const listener = openLocal(config.listen);
  using _faults = outliveFaults("arpc");
  using shutdown = shutdownSignals();
  const words = listening(config, listener.address, Deno.stdout.isTerminal());
  print(words);
  await connectListener(config, listener, shutdown.drain, trust);
}
