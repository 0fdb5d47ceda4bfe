/**
 * One tunnel: opened because the server asked, idle until a visitor comes, then joined to the local
 * service.
 *
 * @module
 */

import {
  type Address,
  ChunkedDuplex,
  closeQuietly,
  type Conn,
  type Dial,
  dialTcp,
  encodeFrame,
  formatAddress,
  getLogger,
  Peek,
  PlainDuplex,
  ProtocolError,
  readFrame,
  reason,
  relay,
  type StartProxy,
  writeAll,
} from "@agentx/common";
import { sleep } from "./sleep.ts";
import { UntrustedError } from "./tls/untrusted.ts";

const STARTED = encodeFrame({ type: "ProxyStarted", success: true });

const log = getLogger(["arpc", "tunnel"]);

/**
 * How often a tunnel is opened again when it went to the wrong one of two servers: each time is the
 * toss of a coin. After a few times at once the pause doubles, in milliseconds, up to a maximum.
 */
const MAX_TRIES = 20;
const TRIES_AT_ONCE = 3;
const MIN_PAUSE_MS = 5;
const MAX_PAUSE_MS = 250;
/** A server that does not want a tunnel ends it so soon, in milliseconds. */
const REFUSED_MS = 1000;

/**
 * What the server can do with a tunnel: nothing but bytes (the first generation), tell of its one
 * visitor, or tell of one visitor after another.
 */
export type TunnelKind = "raw" | "started" | "reusable";

/** What all tunnels of a client share. */
export interface TunnelOptions {
  /** The server's proxy port. */
  proxy: Address;
  /** The service to expose. */
  local: Address;
  clientId: string;
  kind: TunnelKind;
  /**
   * Another server may listen on the same ports: the system sends some of our tunnels there, where
   * nobody asked for them.
   */
  shared?: boolean;
  /** A visitor comes; told before the service is dialled for it. */
  visited?: (protocol: string | undefined) => void;
  /** How to reach the proxy port; as the service by default. */
  dialServer?: Dial;
  /** Whoever answers there is not to be trusted, nor will be: no tunnel comes about. */
  untrusted?: (error: UntrustedError) => void;
  /** How to reach the service. */
  dial?: Dial;
}

/** Signals that end tunnels. */
export interface TunnelSignals {
  /** Ends it while it waits for a visitor. */
  idle: AbortSignal;
  /** Ends it even in the middle of a visitor. */
  now: AbortSignal;
}

/**
 * Opens the tunnel a server asked for, and serves its one visitor.
 *
 * @param capability the server's proof that it asked.
 * @returns when the tunnel has ended; never throws, since nobody waits for it.
 */
export async function serveTunnel(
  capability: string,
  options: TunnelOptions,
  signals: TunnelSignals,
): Promise<void> {
  const tries = options.shared ? MAX_TRIES : 1;
  for (let nth = 1;; nth++) {
    if (await tryTunnel(capability, options, signals, nth === tries) || nth === tries) return;
    if (nth < TRIES_AT_ONCE) continue;
    const pause = Math.min(MIN_PAUSE_MS * 2 ** (nth - TRIES_AT_ONCE), MAX_PAUSE_MS);
    await sleep(pause, signals.idle);
  }
}

/** @returns false when the server ended it at once, without a word, or could not be reached. */
async function tryTunnel(
  capability: string,
  options: TunnelOptions,
  signals: TunnelSignals,
  last: boolean,
): Promise<boolean> {
  const { dial = dialTcp, dialServer = dial } = options;
  let conn: Conn;
  try {
    conn = await dialServer(options.proxy, { signal: signals.idle });
  } catch (error) {
    if (signals.idle.aborted) return true;
    if (last && error instanceof UntrustedError && options.untrusted !== undefined) {
      options.untrusted(error);
    } else if (last) {
      const server = formatAddress(options.proxy);
      log.warning("Cannot open a tunnel", { server, why: reason(error) });
    }
    return false;
  }
  const since = performance.now();
  let heard = false;
  const peek = new Peek(conn);
  try {
    const hello = encodeFrame({
      type: "NewProxyConn",
      proxy_conn_id: capability,
      client_id: options.clientId,
    });
    await writeAll(conn, hello);
    for (;;) {
      const visitor = await untilVisitor(peek, options.kind, signals.idle);
      if (visitor === undefined) break;
      heard = true;
      if (!await serveVisitor(peek, visitor, options, signals.now, dial)) break;
    }
  } catch (error) {
    if (signals.idle.aborted) return true;
    // What was said is no refusal, and would be said again.
    heard ||= error instanceof ProtocolError;
    log[error instanceof ProtocolError ? "warning" : "debug"]("Tunnel lost", {
      why: reason(error),
    });
  } finally {
    closeQuietly(conn);
  }
  return heard || signals.idle.aborted || performance.now() - since > REFUSED_MS;
}

/**
 * How long a tunnel may wait for its visitor, in milliseconds: longer than a server keeps one. What
 * waits then was forgotten by a router on its way, and neither end would ever hear of it.
 */
const MAX_IDLE_MS = 120_000;

/** Waits for the visitor; undefined when the server let the idle tunnel go. */
async function untilVisitor(
  peek: Peek,
  kind: TunnelKind,
  signal: AbortSignal,
): Promise<Omit<StartProxy, "type"> | undefined> {
  const close = () => closeQuietly(peek.conn);
  signal.addEventListener("abort", close, { once: true });
  // A server of the first generation may keep its tunnels for ever.
  const timer = kind === "raw" ? undefined : setTimeout(close, MAX_IDLE_MS);
  try {
    signal.throwIfAborted();
    // A first generation server says nothing; the visitor's first byte is the sign.
    if (kind === "raw") return await peek.fill() ? {} : undefined;
    const command = await readFrame(peek);
    if (command === null) return undefined;
    if (command.type === "StartProxy") return command;
    throw new ProtocolError(`Cannot start: the server sent ${command.type}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
  }
}

/** @returns whether the tunnel can serve another visitor. */
async function serveVisitor(
  peek: Peek,
  { visitor, protocol }: Omit<StartProxy, "type">,
  { local, kind, visited }: TunnelOptions,
  signal: AbortSignal,
  dial: Dial,
): Promise<boolean> {
  const since = performance.now();
  const traffic = { up: 0, down: 0 };
  const tunnel = kind === "reusable" ? new ChunkedDuplex(peek) : new PlainDuplex(peek);
  let end: string;
  let service: Conn | undefined;
  let joined = false;
  let broken = false;
  try {
    visited?.(protocol);
    service = await dial(local, { signal });
    if (tunnel instanceof ChunkedDuplex) tunnel.sink.hold(STARTED);
    else if (kind === "started") await writeAll(peek.conn, STARTED);
    const duplex = new PlainDuplex(new Peek(service));
    joined = true;
    end = await relay(tunnel, duplex, { traffic, signal });
  } catch (error) {
    // Once joined all bytes are the service's, and only the tunnel has rules that it can break.
    broken = joined;
    end = `${joined ? "tunnel" : `local service ${formatAddress(local)}`}: ${reason(error)}`;
    if (kind !== "raw" && !joined) {
      const answer = encodeFrame({ type: "ProxyStarted", success: false, error: end });
      await writeAll(peek.conn, answer).catch(() => {});
    }
  } finally {
    if (service !== undefined) closeQuietly(service);
  }
  log[broken ? "warning" : "info"]("Visitor left", {
    visitor,
    protocol,
    up: traffic.up,
    down: traffic.down,
    ms: Math.round(performance.now() - since),
    end,
  });
  return tunnel instanceof ChunkedDuplex && tunnel.reusable;
}
