/**
 * The admin port with TLS: HTTP/1.1 on connections of ours. The runtime's own server would read the
 * certificate once and for all, and has no words for who comes without TLS.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112 | RFC 9112: HTTP/1.1}
 * @module
 */

import {
  acceptLoop,
  type Address,
  closeQuietly,
  type Conn,
  formatAddress,
  getLogger,
  isDisconnect,
  linger,
  type Listener,
  Peek,
  reason,
  Seldom,
} from "@agentx/common";
import { shakeHandsWithin } from "@agentx/common/tls";
import { peerOf } from "../address.ts";
import { type App, Exchanges } from "./exchanges.ts";

const log = getLogger(["arps", "admin"]);

/** Connections at a time; one more ends the one that has been quiet the longest. */
const MAX_CONNECTIONS = 256;
/** For a handshake, in milliseconds. */
const HANDSHAKE_MS = 10_000;

/** Serves an application until disposed. */
export class SecurePort {
  #live = new Map<Conn, Exchanges>();
  #seldom = new Seldom(log);
  #accepting: Promise<void>;
  #serving = new Set<Promise<void>>();
  #stopping = false;

  constructor(private readonly listener: Listener, private readonly app: App) {
    this.#accepting = acceptLoop(listener, log, (conn) => {
      const task = this.#serve(conn).finally(() => this.#serving.delete(task));
      this.#serving.add(task);
    });
  }

  /** The address really bound. */
  get address(): Address {
    return this.listener.address;
  }

  /** Takes nobody any more, and ends; answers that are under way have so many milliseconds. */
  async shutdown(ms: number): Promise<void> {
    this.#stopping = true;
    this.listener.close();
    for (const exchanges of this.#live.values()) exchanges.leave();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const conn of this.#live.keys()) closeQuietly(conn);
        resolve();
      }, ms);
    });
    await Promise.race([Promise.all([this.#accepting, ...this.#serving]), late]);
    clearTimeout(timer);
    this.#seldom[Symbol.dispose]();
  }

  async #serve(conn: Conn): Promise<void> {
    const address = peerOf(conn);
    const peer = formatAddress(address);
    const peek = new Peek(conn);
    const exchanges = new Exchanges(peek, (request) => this.app(request, address.hostname));
    if (!this.#makeRoom()) {
      this.#seldom.warning("Too many at the admin port", { limit: MAX_CONNECTIONS, peer });
      return closeQuietly(conn);
    }
    this.#live.set(conn, exchanges);
    try {
      try {
        await shakeHandsWithin(conn, HANDSHAKE_MS);
      } catch (error) {
        if (!isDisconnect(error)) {
          this.#seldom.warning("Connection to the admin port refused", {
            peer,
            why: reason(error),
          });
        }
        return;
      }
      if (this.#stopping) exchanges.leave();
      await exchanges.run();
      await linger(peek);
    } catch (error) {
      log.debug("Connection to the admin port ended", { peer, why: reason(error) });
    } finally {
      this.#live.delete(conn);
      closeQuietly(conn);
    }
  }

  /** Whoever only holds connections open must not keep the owner out. */
  #makeRoom(): boolean {
    if (this.#live.size < MAX_CONNECTIONS) return true;
    const quiet = [...this.#live].filter(([, { answering }]) => !answering)
      .reduce<[Conn, Exchanges] | undefined>(
        (least, one) => least === undefined || one[1].since < least[1].since ? one : least,
        undefined,
      );
    if (quiet === undefined) return false;
    this.#live.delete(quiet[0]);
    closeQuietly(quiet[0]);
    return true;
  }
}
