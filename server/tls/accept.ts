/**
 * The server's side of a handshake, from the first byte of a connection on.
 *
 * @module
 */

import { linger, type Listen, listenTcp, type Peek, reason, writeAll } from "@agentx/common";
import { PlainStream, type SecureStream, TlsConn } from "@agentx/common/tls";
import { Session } from "@agentx/common/tls/session";
import { type SecureContext, TLSSocket } from "node:tls";
import { opening, type TlsPort } from "./plain.ts";

/**
 * What may be offered to speak inside, RFC 7301: who offers other things only is refused by the alert
 * that RFC has for it, and who offers nothing may speak anything.
 */
const PROTOCOLS: Partial<Record<TlsPort, string[]>> = {
  public: ["http/1.1", "postgresql"],
  admin: ["http/1.1", "http/1.0"],
};

/** What a listener shows to those who come; asked anew for each. */
export interface Identity {
  readonly context: SecureContext;
}

/** TLS on a port. */
export function listenTls(identity: Identity, port: TlsPort, listen: Listen = listenTcp): Listen {
  return (address, options) => {
    const listener = listen(address, options);
    return {
      address: listener.address,
      close: () => listener.close(),
      accept: async () =>
        new TlsConn(await listener.accept(), (peek) => shakeHands(peek, identity, port)),
    };
  };
}

/**
 * @throws {Error} that says how it failed; the peer was told, if there were words for it.
 */
async function shakeHands(peek: Peek, identity: Identity, port: TlsPort): Promise<SecureStream> {
  for (;;) {
    const found = opening(peek.bytes, port);
    switch (found.kind) {
      case "more":
        if (!await peek.fill()) throw new Deno.errors.UnexpectedEof("it left before any TLS");
        break;
      case "question":
        peek.consume(found.size);
        await writeAll(peek.conn, found.reply);
        break;
      case "exempt":
        return new PlainStream(peek);
      case "plain":
        await farewell(peek, found.words);
        throw new Error(`it came without TLS: ${found.what}`);
      case "tls":
        return await establish(peek, identity, port);
    }
  }
}

async function establish(peek: Peek, { context }: Identity, port: TlsPort): Promise<Session> {
  const protocols = PROTOCOLS[port];
  try {
    return await Session.open({
      peek,
      event: "secure",
      start: (wire) =>
        new TLSSocket(wire, {
          isServer: true,
          secureContext: context,
          ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
        }),
    });
  } catch (error) {
    if (error instanceof Deno.errors.UnexpectedEof) throw error;
    await farewell(peek);
    throw new Error(`the TLS handshake failed: ${reason(error)}`, { cause: error });
  }
}

async function farewell(peek: Peek, words: Uint8Array = new Uint8Array(0)): Promise<void> {
  if (words.length > 0) await writeAll(peek.conn, words).catch(() => {});
  await linger(peek);
}
