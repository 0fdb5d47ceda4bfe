/**
 * The way to a service: a connection to the public port, and a request on it that makes it raw.
 *
 * `Upgrade: arp` is answered 101 once the service is reached, and from then on the connection is the
 * service's; anything else is an HTTP answer that says why not.
 *
 * @module
 */

import {
  closeQuietly,
  type Conn,
  type DialOptions,
  formatAddress,
  Peek,
  PlainDuplex,
  reason,
  writeAll,
} from "@agentx/common";
import { VERSION } from "../config.ts";
import { holds, readAnswer, readReason } from "./answer.ts";
import { within } from "../within.ts";
import { dialServer } from "./dial.ts";
import type { Trust } from "../tls/options.ts";
import { formatServer, type Server } from "./options.ts";

/** Options of {@link reach}; times in milliseconds. */
export interface ReachOptions {
  /** Gives up with the signal's reason. */
  signal?: AbortSignal;
  /** For the connection, and the handshake of TLS on it; 10,000 by default. */
  dialTimeout?: number;
  /** For the server's answer; 30,000 by default. */
  answerTimeout?: number;
  /** Whom to take for the server, by TLS. */
  trust?: Trust;
  dial?: (server: Server, options: DialOptions, trust?: Trust) => Promise<Conn>;
}

const DIAL_TIMEOUT_MS = 10_000;
/** The server itself may wait 10 s for a tunnel, and 15 s for the client to reach its service. */
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Opens a connection to the service of a client.
 *
 * @returns the connection; the first bytes of a service that speaks first are at hand already.
 * @throws {Error} that says in one line who did not come along and why, without the token.
 */
export async function reach(
  server: Server,
  token: string,
  {
    signal,
    dialTimeout = DIAL_TIMEOUT_MS,
    answerTimeout = ANSWER_TIMEOUT_MS,
    trust,
    dial = dialServer,
  }: ReachOptions = {},
): Promise<PlainDuplex> {
  const name = formatServer(server);
  let conn: Conn;
  try {
    conn = await dial(server, { timeout: dialTimeout, ...(signal && { signal }) }, trust);
  } catch (error) {
    throw new Error(`Cannot reach the server ${name}: ${reason(error)}`, { cause: error });
  }
  const peek = new Peek(conn);
  let refusal: string | undefined;
  try {
    refusal = await within(conn, answerTimeout, signal, async () => {
      await writeAll(conn, request(server, token));
      const answer = await readAnswer(peek);
      if (answer.status !== 101) return await readReason(peek, answer);
      if (holds(answer, "upgrade", "arp") && holds(answer, "connection", "upgrade")) {
        return undefined;
      }
      throw new Error("it switched to another protocol than the one asked for");
    });
  } catch (error) {
    closeQuietly(conn);
    throw new Error(
      `No answer of arps from ${name}: ${reason(error)}; --server is its public port, or a proxy ` +
        "in front of that",
      { cause: error },
    );
  }
  if (refusal === undefined) return new PlainDuplex(peek);
  closeQuietly(conn);
  throw new Error(`Refused by ${name} with ${withoutToken(refusal, token)}`);
}

function request(server: Server, token: string): Uint8Array {
  const usual = server.port === (server.tls ? 443 : 80);
  const host = formatAddress(server);
  return new TextEncoder().encode([
    "GET / HTTP/1.1",
    `Host: ${usual ? host.slice(0, host.lastIndexOf(":")) : host}`,
    "Connection: Upgrade",
    "Upgrade: arp",
    `X-ARP-Token: ${token}`,
    `User-Agent: arpc/${VERSION}`,
    "Accept: text/plain",
    "",
    "",
  ].join("\r\n"));
}

/** A server repeats the token it does not know; what is said here may end up in a log. */
function withoutToken(text: string, token: string): string {
  // Only where it stands as a word of its own: a token may be as short as a letter.
  const word = new RegExp(`(?<![A-Za-z0-9])${RegExp.escape(token)}(?![A-Za-z0-9])`, "g");
  return text.replace(word, "…");
}
