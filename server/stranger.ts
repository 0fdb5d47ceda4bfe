/**
 * The ports of clients are open to everybody: scanners, health checks, browsers, clients with another
 * idea of TLS. Nobody need be woken for them; who understands words is told what the port is for.
 *
 * @module
 */

import {
  closeQuietly,
  type Command,
  type Conn,
  isDisconnect,
  linger,
  type Peek,
  ProtocolError,
  readFrameWithin,
  reason,
  type Seldom,
  writeAll,
} from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { TlsConn } from "@agentx/common/tls";
import { refuseRequest } from "./http/refuse.ts";
import { sniffHttp } from "./sniff/http.ts";

/** How long a stranger may take to be told, in milliseconds. */
const TELL_MS = 2000;
/** Most bytes of a request that is only told where to go. */
const MAX_HEAD = 8 * 1024;
/** The record type of a handshake, RFC 8446 §5.1. */
const HANDSHAKE = 22;
/** A fatal `handshake_failure`, RFC 8446 §6: who expected TLS knows that there is none, and not a broken network. */
const NO_TLS = Uint8Array.of(21, 3, 1, 0, 2, 2, 40);
const NOTHING = new Uint8Array(0);

/** A connection began with something else than what the port is for; it was told, if it can be. */
export class StrangerError extends Error {
  override name = "StrangerError";

  /** @param quiet it came and went without a word, as health checks do. */
  constructor(message: string, readonly quiet = false) {
    super(message);
  }
}

/**
 * The command that a connection begins with.
 *
 * @param ms how long it may take, in milliseconds.
 * @throws {StrangerError} that says what came instead; the connection is of no use then.
 */
export async function firstCommand<T extends Command["type"]>(
  peek: Peek,
  type: T,
  ms: number,
): Promise<Extract<Command, { type: T }>> {
  let command: Command | null;
  try {
    command = await readFrameWithin(peek, ms);
  } catch (error) {
    const quiet = error instanceof Deno.errors.UnexpectedEof && !established(peek.conn);
    throw new StrangerError(await explain(error, peek), quiet);
  }
  if (command === null) throw new StrangerError(left(peek.conn), !established(peek.conn));
  if (!isOf(command, type)) throw new StrangerError(`it sent ${command.type}`);
  return command;
}

function isOf<T extends Command["type"]>(
  command: Command,
  type: T,
): command is Extract<Command, { type: T }> {
  return command.type === type;
}

/** Logs it where an owner who looks for it finds it, and nobody else is disturbed. */
export function tellStranger(
  seldom: Seldom,
  message: string,
  peer: string,
  { quiet, message: why }: StrangerError,
): void {
  seldom.log(quiet ? "debug" : "info", message, { peer, why });
}

async function explain(error: unknown, peek: Peek): Promise<string> {
  if (error instanceof ProtocolError) return await turnAway(peek) ?? reason(error);
  // What a client does that finds another certificate than it expects.
  return isDisconnect(error) && established(peek.conn) ? left(peek.conn) : reason(error);
}

function left(conn: Conn): string {
  return established(conn)
    ? "it left after the TLS handshake, without a word: a client that does not trust the certificate does"
    : "it left without a word";
}

function established(conn: Conn): boolean {
  return conn instanceof TlsConn && conn.established;
}

/** Tells it what it understands; what it was, if there were words. Ends the connection then. */
async function turnAway(peek: Peek): Promise<string | undefined> {
  const timer = setTimeout(() => closeQuietly(peek.conn), TELL_MS);
  try {
    const [type, version] = peek.bytes;
    if (type === HANDSHAKE && version === 3) {
      await writeAll(peek.conn, NO_TLS);
      await linger(peek);
      return undefined;
    }
    const words = await wordsFor(peek);
    if (words.length === 0) return undefined;
    await writeAll(peek.conn, words);
    await linger(peek);
  } catch {
    /* it did not stay to hear it */
  } finally {
    clearTimeout(timer);
  }
  return "it sent HTTP: visitors use the public port";
}

/** An answer for HTTP, once the request is there; nothing for anything else. */
async function wordsFor(peek: Peek): Promise<Uint8Array> {
  for (;;) {
    const { kind } = sniffHttp(peek.bytes);
    if (kind !== "http" && kind !== "more") return NOTHING;
    const words = kind === "more" ? undefined : refuseRequest(peek.bytes, MAX_HEAD, forArpc);
    if (words !== undefined) return words;
    if (!await peek.fill()) return NOTHING;
  }
}

function forArpc(): Refusal {
  return new Refusal(400, "This port is for arpc", "Visitors use the public port.");
}
