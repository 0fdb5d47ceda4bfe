/**
 * Dialling with TLS, and making sure that it is the server who answers. Large: loaded where TLS is
 * on.
 *
 * @module
 */

import { type Address, closeQuietly, type Dial, dialTcp, type Peek, reason } from "@agentx/common";
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

const TIMEOUT_MS = 10_000;

/**
 * A dial that takes only the right server's word. Neither a variable nor a flag of the runtime lets
 * another one pass.
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
      const certificate = namesCertificate(error)
        ? undefined
        : await look(await dial(address, options), address, trust);
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
  // A pin stands in the place of names and authorities, unless those were given as well.
  const pinned = trust.fingerprint !== undefined && trust.ca === undefined;
  let session: Session;
  try {
    session = await open(peek, trust.serverName ?? hostname, context, !pinned);
  } catch (error) {
    throw isTrouble(error) ? new Error(noTls(error), { cause: error }) : error;
  }
  try {
    verify(session.socket, trust);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

function verify(socket: TLSSocket, { fingerprint }: Trust): void {
  if (fingerprint !== undefined) {
    checkPin(socket.getPeerCertificate().raw, fingerprint);
  } else if (!socket.authorized) {
    // It has been refused already; this is in case that should ever change.
    throw socket.authorizationError ?? new Error("the server's certificate was not verified");
  }
}

/** The certificate of whoever answers, to say what is wrong with it. Nothing is told to that one. */
async function look(
  conn: Awaited<ReturnType<Dial>>,
  { hostname }: Address,
  { serverName = hostname }: Trust,
): Promise<Uint8Array | undefined> {
  let raw: Uint8Array | undefined;
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

/** Whether there was no handshake, rather than one that showed the wrong certificate. */
function isTrouble(error: unknown): boolean {
  if (error instanceof Deno.errors.UnexpectedEof) return true;
  if (error instanceof Deno.errors.ConnectionReset) return true;
  return !isDistrust(error) && String((error as { code?: unknown }).code).startsWith("ERR_SSL_");
}

function noTls(error: unknown): string {
  return `no TLS came about: ${reason(error)}; is there TLS on that port?`;
}
