/**
 * Dialling with TLS, and making sure that it is the server who answers. Large: loaded where TLS is
 * on.
 *
 * @module
 */

import {
  type Address,
  closeQuietly,
  type Conn,
  type Dial,
  dialTcp,
  type Peek,
  reason,
} from "@agentx/common";
import { UsageError } from "@agentx/common/cli";
import { TlsConn } from "@agentx/common/tls";
import { readCertificates } from "@agentx/common/tls/certificate";
import { Session } from "@agentx/common/tls/session";
import { isIP } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { within } from "../within.ts";
import { explain, isDistrust, namesCertificate } from "./explain.ts";
import type { Trust } from "./options.ts";
import { checkPin } from "./pin.ts";
import { UntrustedError } from "./untrusted.ts";

const TIMEOUT_MS = 10_000;

/** Of a certificate that is looked at later there is nothing else to have against it. */
const NOT_ITS_OWN =
  "whoever answers does not prove that it has the key of the certificate it shows: it is not the server";

/**
 * A dial that takes only the right server's word. Neither a variable nor a flag of the runtime lets
 * another one pass.
 *
 * The dial throws an {@link UntrustedError} when somebody else answers.
 *
 * @throws {UsageError} that names the file when there is no certificate in `--tls-ca`.
 */
export function tlsDial(trust: Trust, dial: Dial = dialTcp): Dial {
  const context = contextOf(trust);
  return async (address, { signal, timeout = TIMEOUT_MS } = {}) => {
    const since = performance.now();
    const options = { timeout, ...(signal && { signal }) };
    const tcp = await dial(address, options);
    const conn = new TlsConn(tcp, (peek) => shakeHands(peek, address, trust, context));
    try {
      const left = timeout - (performance.now() - since);
      await within(conn, left, signal, () => conn.handshake());
      return conn;
    } catch (error) {
      closeQuietly(conn);
      if (signal?.aborted || !isDistrust(error)) throw error;
      if (isPinned(trust)) throw new UntrustedError(NOT_ITS_OWN, { cause: error });
      const certificate = namesCertificate(error)
        ? undefined
        : await look(() => dial(address, options), address, trust);
      throw explain(error, certificate, trust);
    }
  };
}

function contextOf({ ca }: Trust): SecureContext {
  if (ca === undefined) return createSecureContext({ minVersion: "TLSv1.2" });
  try {
    readCertificates(ca.pem);
  } catch (cause) {
    throw new UsageError(`--tls-ca ${ca.file}: ${reason(cause)}`, { cause });
  }
  return createSecureContext({ minVersion: "TLSv1.2", ca: ca.pem });
}

async function shakeHands(
  peek: Peek,
  { hostname }: Address,
  trust: Trust,
  context: SecureContext,
): Promise<Session> {
  let session: Session;
  try {
    session = await open(peek, trust.serverName ?? hostname, context, !isPinned(trust));
  } catch (error) {
    // What only broke off may be whole the next time.
    if (isBroken(error)) throw new Error(noTls(error), { cause: error });
    if (isOther(error)) throw new UntrustedError(noTls(error), { cause: error });
    throw error;
  }
  try {
    verify(session.socket, trust);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

function verify(socket: TLSSocket, { pins }: Trust): void {
  if (pins !== undefined) {
    checkPin(socket.getPeerCertificate().raw, pins);
  } else if (!socket.authorized) {
    // It has been refused already; this is in case that should ever change.
    throw socket.authorizationError ?? new Error("the server's certificate was not verified");
  }
}

/** The certificate of whoever answers, to say what is wrong with it. Nothing is told to that one. */
async function look(
  dial: () => Promise<Conn>,
  { hostname }: Address,
  { serverName = hostname }: Trust,
): Promise<Uint8Array | undefined> {
  let raw: Uint8Array | undefined;
  const conn = await dial().catch(() => undefined);
  if (conn === undefined) return undefined;
  const stranger = new TlsConn(conn, async (peek) => {
    const context = createSecureContext({ minVersion: "TLSv1.2" });
    const session = await open(peek, serverName, context, false);
    raw = session.socket.getPeerCertificate().raw;
    return session;
  });
  try {
    await within(stranger, TIMEOUT_MS, undefined, () => stranger.handshake());
  } catch { /* then there is less to say */ }
  closeQuietly(stranger);
  return raw;
}

function open(
  peek: Peek,
  name: string,
  secureContext: SecureContext,
  rejectUnauthorized: boolean,
): Promise<Session> {
  return Session.open({
    peek,
    event: "secureConnect",
    start: (wire) =>
      connect({
        socket: wire,
        host: name,
        // An address is verified, but not told: RFC 6066 §3.
        ...(isIP(name) === 0 ? { servername: name } : {}),
        secureContext,
        rejectUnauthorized,
        ALPNProtocols: ["http/1.1"],
      }),
  });
}

/** Whether a pin stands in the place of names and authorities: those may be given as well. */
function isPinned({ pins, ca }: Trust): boolean {
  return pins !== undefined && ca === undefined;
}

/** Whether the connection ended before the handshake did. */
function isBroken(error: unknown): boolean {
  return error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.ConnectionReset;
}

/** Whether there was no handshake, rather than one that showed the wrong certificate. */
function isOther(error: unknown): boolean {
  return !isDistrust(error) && String((error as { code?: unknown }).code).startsWith("ERR_SSL_");
}

function noTls(error: unknown): string {
  return `no TLS came about: ${reason(error)}; is there TLS on that port?`;
}
