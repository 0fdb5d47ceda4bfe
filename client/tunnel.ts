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

const STARTED = encodeFrame({ type: "ProxyStarted", success: true });

const log = getLogger(["arpc", "tunnel"]);

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
  /** A visitor comes; told before the service is dialled for it. */
  visited?: (protocol: string | undefined) => void;
  /** How to reach the proxy port; as the service by default. */
  dialServer?: Dial;
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
  const { dial = dialTcp, dialServer = dial } = options;
  let conn: Conn;
  try {
    conn = await dialServer(options.proxy, { signal: signals.idle });
  } catch (error) {
    if (signals.idle.aborted) return;
    return log.warning("Cannot open a tunnel", {
      server: formatAddress(options.proxy),
      why: reason(error),
    });
  }
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
      if (visitor === undefined) return;
      if (!await serveVisitor(peek, visitor, options, signals.now, dial)) return;
    }
  } catch (error) {
    if (!signals.idle.aborted) log.debug("Tunnel lost", { why: reason(error) });
  } finally {
    closeQuietly(conn);
  }
}

/** Waits for the visitor; undefined when the server let the idle tunnel go. */
async function untilVisitor(
  peek: Peek,
  kind: TunnelKind,
  signal: AbortSignal,
): Promise<Omit<StartProxy, "type"> | undefined> {
  const close = () => closeQuietly(peek.conn);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    // A first generation server says nothing; the visitor's first byte is the sign.
    if (kind === "raw") return await peek.fill() ? {} : undefined;
    const command = await readFrame(peek);
    if (command === null) return undefined;
    if (command.type === "StartProxy") return command;
    throw new ProtocolError(`Cannot start: the server sent ${command.type}`);
  } finally {
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
  try {
    visited?.(protocol);
    service = await dial(local, { signal });
    if (tunnel instanceof ChunkedDuplex) tunnel.sink.hold(STARTED);
    else if (kind === "started") await writeAll(peek.conn, STARTED);
    const duplex = new PlainDuplex(new Peek(service));
    end = await relay(tunnel, duplex, { traffic, signal });
  } catch (error) {
    end = `local service ${formatAddress(local)}: ${reason(error)}`;
    if (kind !== "raw") {
      const answer = encodeFrame({ type: "ProxyStarted", success: false, error: end });
      await writeAll(peek.conn, answer).catch(() => {});
    }
  } finally {
    if (service !== undefined) closeQuietly(service);
  }
  log.info("Visitor left", {
    visitor,
    protocol,
    up: traffic.up,
    down: traffic.down,
    ms: Math.round(performance.now() - since),
    end,
  });
  return tunnel instanceof ChunkedDuplex && tunnel.reusable;
}
