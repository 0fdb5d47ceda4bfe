/**
 * The way to a service on this machine.
 *
 * @module
 */

import {
  type Address,
  DeadlineError,
  dialTcp,
  formatAddress,
  Peek,
  PlainDuplex,
  reason,
} from "@agentx/common";
import { Refusal } from "@agentx/common/http";

/** This machine; some services listen on the second alone. */
const LOOPBACK = ["127.0.0.1", "::1"] as const;

/** How long a service may take to accept, in milliseconds; it is on this machine. */
const DIAL_TIMEOUT_MS = 5000;

/**
 * Connects to a port of this machine.
 *
 * @throws {Refusal} 502 when nobody listens there, 504 when nobody accepts.
 * @throws the signal's reason when it aborts.
 */
export async function reachPort(port: number, signal: AbortSignal): Promise<PlainDuplex> {
  const failures: string[] = [];
  let late = false;
  for (const hostname of LOOPBACK) {
    try {
      return await open({ hostname, port }, signal);
    } catch (error) {
      signal.throwIfAborted();
      late ||= error instanceof DeadlineError;
      failures.push(`${formatAddress({ hostname, port })}: ${reason(error)}`);
    }
  }
  throw new Refusal(
    late ? 504 : 502,
    `Nobody answers on port ${port} of this machine (${failures.join("; ")})`,
    "Is the service running?",
  );
}

/**
 * Connects to the API behind the door.
 *
 * @throws {Refusal} 502 when it does not accept.
 * @throws the signal's reason when it aborts.
 */
export async function reachInner(address: Address, signal: AbortSignal): Promise<PlainDuplex> {
  try {
    return await open(address, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Refusal(502, `The API does not answer: ${reason(error)}`, "Is arpc stopping?");
  }
}

async function open(address: Address, signal: AbortSignal): Promise<PlainDuplex> {
  const conn = await dialTcp(address, { signal, timeout: DIAL_TIMEOUT_MS });
  return new PlainDuplex(new Peek(conn));
}
