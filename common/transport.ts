/**
 * What the rest of ARP asks of a byte transport, and TCP as the one that gives it.
 *
 * TLS is another {@link Dial} and another {@link Listen}; nothing above this file would change.
 *
 * @module
 */

import { DeadlineError } from "./errors.ts";

/** A host and a port. */
export interface Address {
  hostname: string;
  port: number;
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress({ hostname, port }: Address): string {
  return `${hostOf({ hostname })}:${port}`;
}

/** The host of an address as it stands in a URL, and before a port: IPv6 in brackets. */
export function hostOf({ hostname }: Pick<Address, "hostname">): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** A duplex byte stream with half-close. `Deno.TcpConn` and `Deno.TlsConn` are such. */
export interface Conn {
  /** Bytes read into `buffer`, or null at the end of the stream. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Bytes taken from `bytes`, at least one. */
  write(bytes: Uint8Array): Promise<number>;
  /** Sends the end of the stream; reading goes on. */
  closeWrite(): Promise<void>;
  /** Ends both directions; throws when closed already. */
  close(): void;
  readonly localAddr: Address;
  readonly remoteAddr: Address;
}

/** Accepts connections until it is closed. */
export interface Listener {
  /** The next connection. */
  accept(): Promise<Conn>;
  close(): void;
  /** The address really bound, its port never 0. */
  readonly address: Address;
}

/** Options of a {@link Listen}. */
export interface ListenOptions {
  /** Several programs may listen on the port, and share what comes (`SO_REUSEPORT`). */
  reusePort?: boolean;
}

/** Opens a listener; throws `Deno.errors.AddrInUse` and the like. */
export type Listen = (address: Address, options?: ListenOptions) => Listener;

/** Options of a {@link Dial}. */
export interface DialOptions {
  /** Gives up with the signal's reason. */
  signal?: AbortSignal;
  /** Gives up after so many milliseconds; 10,000 by default. */
  timeout?: number;
}

/** Opens a connection. */
export type Dial = (address: Address, options?: DialOptions) => Promise<Conn>;

const DIAL_TIMEOUT_MS = 10_000;
const BACKLOG = 1024;

function tune(conn: Deno.TcpConn): Deno.TcpConn {
  // Both fail on a connection that the peer has reset already; the next read will say so.
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
  } catch { /* see above */ }
  return conn;
}

/** {@link Listen} for TCP. */
export const listenTcp: Listen = ({ hostname, port }, { reusePort = false } = {}) => {
  const listener = Deno.listen({ hostname, port, reusePort, tcpBacklog: BACKLOG });
  const bound = listener.addr as Deno.NetAddr;
  return {
    accept: async () => tune(await listener.accept()),
    close: () => listener.close(),
    address: { hostname: bound.hostname, port: bound.port },
  };
};

/**
 * {@link Dial} for TCP.
 *
 * @throws {DeadlineError} when nothing answered in time.
 */
export const dialTcp: Dial = async (address, { signal, timeout = DIAL_TIMEOUT_MS } = {}) => {
  signal?.throwIfAborted();
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new DeadlineError(`no answer within ${timeout / 1000} s`)),
    timeout,
  );
  const abort = () => deadline.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return tune(await Deno.connect({ ...address, signal: deadline.signal }));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
};

/** Writes all of `bytes`. */
export async function writeAll(conn: Pick<Conn, "write">, bytes: Uint8Array): Promise<void> {
  let written = await conn.write(bytes);
  while (written < bytes.length) written += await conn.write(bytes.subarray(written));
}

/** Connections that were closed here: to close one again would cost an exception each time. */
const closed = new WeakSet<Pick<Conn, "close">>();

/** Closes a connection whether or not it is closed already. */
export function closeQuietly(conn: Pick<Conn, "close">): void {
  if (closed.has(conn)) return;
  closed.add(conn);
  try {
    conn.close();
  } catch { /* somebody else did */ }
}
