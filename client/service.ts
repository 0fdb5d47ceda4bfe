/**
 * What the local service speaks, if it is the one that speaks first: a server cannot see that from
 * a visitor, who stays silent until it is greeted.
 *
 * @module
 */

import { type Address, closeQuietly, type Conn, type Dial, Peek } from "@agentx/common";

/** A service that speaks first. */
export interface FirstWords {
  /** What it speaks, such as `"mysql"`; `"unknown"` if that could not be told. */
  service: string;
  /** What it said; absent if that is of no use to a visitor. */
  greeting?: Uint8Array;
}

/** Most bytes of a greeting. */
const MAX_GREETING = 1024;
/** How long a service may take to speak: MySQL first asks for its visitor's name. */
const PATIENCE_MS = 10_000;
/** How long it may take to hang up as well. */
const FAREWELL_MS = 100;

/** What one looks with, and until when. */
export interface LookOptions {
  dial: Dial;
  /** Ends the look; nothing was found then. */
  signal: AbortSignal;
  /** Milliseconds for the service to speak. */
  patience?: number;
}

/**
 * Connects to a service and waits for it to speak.
 *
 * @returns undefined when it stayed silent, as a web service does.
 * @throws when it cannot be reached.
 */
export async function look(
  local: Address,
  { dial, signal, patience = PATIENCE_MS }: LookOptions,
): Promise<FirstWords | undefined> {
  const conn = await dial(local, { signal });
  const close = () => closeQuietly(conn);
  const timer = setTimeout(close, patience);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    const peek = new Peek(conn, MAX_GREETING);
    for (;;) {
      // Closed by the timer, or reset by the service: either way no more will come.
      const more = await peek.fill().catch(() => false);
      const bytes = peek.bytes.subarray(0, MAX_GREETING);
      const found = recogniseService(bytes, !more || bytes.length === MAX_GREETING);
      if (found === "more") continue;
      if (found !== undefined) await hangUp(conn);
      return found;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
    close();
  }
}

/** To close on bytes unread would reset the connection, which some services count as an attack. */
async function hangUp(conn: Conn): Promise<void> {
  const timer = setTimeout(() => closeQuietly(conn), FAREWELL_MS);
  try {
    await conn.closeWrite();
    const rest = new Uint8Array(MAX_GREETING);
    while (await conn.read(rest) !== null) { /* nobody wants it */ }
  } catch {
    /* it has hung up */
  } finally {
    clearTimeout(timer);
  }
}

/** Lines that services begin with. */
const LINES: readonly [form: RegExp, service: string][] = [
  [/^SSH-/, "ssh"],
  [/^220[ -].*ftp/i, "ftp"],
  [/^220[ -].*(smtp|mail)/i, "smtp"],
  [/^\+OK/, "pop3"],
  [/^\* (OK|PREAUTH)/, "imap"],
  [/^RFB /, "vnc"],
];

const decoder = new TextDecoder("latin1");

/**
 * What says this first?
 *
 * @param whole no more bytes will come.
 * @returns `"more"` while more bytes could tell; undefined for a service that does not speak first.
 */
export function recogniseService(
  bytes: Uint8Array,
  whole: boolean = true,
): FirstWords | "more" | undefined {
  if (bytes.length === 0) return whole ? undefined : "more";
  const mysql = recogniseMysql(bytes);
  if (mysql !== undefined && (mysql !== "more" || !whole)) return mysql;
  const text = decoder.decode(bytes);
  const size = text.indexOf("\n") + 1;
  if (size === 0 && !whole && /^[ -~]*\r?$/.test(text)) return "more";
  // Some web services tell a visitor that says nothing that its time is up.
  if (text.startsWith("HTTP/")) return undefined;
  const line = text.slice(0, size || undefined);
  const service = LINES.find(([form]) => form.test(line))?.[1];
  if (service === undefined) return { service: "unknown", greeting: bytes.slice() };
  return { service, greeting: bytes.slice(0, line.length) };
}

/** A packet of MySQL: length in 3 bytes, number, and then what it is. */
const MYSQL_HEADER = 4;
const HANDSHAKE_V10 = 0x0a;
const ERR = 0xff;

function recogniseMysql(bytes: Uint8Array): FirstWords | "more" | undefined {
  const [low = 0, middle = 0, high = 0, number = 0, kind] = bytes;
  const size = MYSQL_HEADER + low + middle * 0x100 + high * 0x10000;
  if (high !== 0 || number !== 0 || bytes.length > 2 && size > MAX_GREETING) return undefined;
  if (kind === undefined) return "more";
  if (kind !== HANDSHAKE_V10 && kind !== ERR) return undefined;
  if (bytes.length < size) return "more";
  // It may have no room for us now, and yet be MySQL.
  return kind === ERR ? { service: "mysql" } : { service: "mysql", greeting: bytes.slice(0, size) };
}
