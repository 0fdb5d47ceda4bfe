/**
 * TLS, passed through as it comes: the ClientHello says in the clear for which host it is, and the
 * first label of that name is a token. Nothing is decrypted, so the visitor sees the service's own
 * certificate. The same goes for other protocols that start with TLS right away, such as
 * PostgreSQL's "direct TLS", which servers speak from version 17 on. An encrypted ClientHello has an
 * outer name, which is as good as any.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8446#section-5.1 | RFC 8446 §5.1: Record Layer} and
 * {@link https://www.rfc-editor.org/rfc/rfc8446#section-6 | §6: Alert Protocol}
 * @module
 */

import type { Refusal } from "@agentx/common/http";
import { MalformedHello, serverName } from "./client_hello.ts";
import type { Destination, Verdict } from "./mod.ts";

const ALERT = 21;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Type, version and length in front of a record's fragment. */
const RECORD_HEADER = 5;
/** Type and length in front of a handshake message. */
const MESSAGE_HEADER = 4;
const MAX_FRAGMENT = 2 ** 14;
/** Longest ClientHello with its records; key shares of our days make it 2 KiB. */
const MAX_HELLO = 64 * 1024;

const UNEXPECTED_MESSAGE = 10;
const RECORD_OVERFLOW = 22;
const ACCESS_DENIED = 49;
const DECODE_ERROR = 50;
const INTERNAL_ERROR = 80;
const UNRECOGNIZED_NAME = 112;

/** What the first bytes must be, one by one; they are also given all that there are. */
const START: readonly ((byte: number, bytes: Uint8Array) => boolean)[] = [
  (type) => type === HANDSHAKE,
  (major) => major === 3,
  (minor) => minor >= 1 && minor <= 4,
  (high) => high <= MAX_FRAGMENT >> 8,
  (low, bytes) => low > 0 || bytes[3]! > 0,
  (message) => message === CLIENT_HELLO,
];

/** Recognises a ClientHello, however it is cut into records, and reads its server name. */
export function sniffTls(bytes: Uint8Array): Verdict {
  const starts = START.every((fits, at) => at >= bytes.length || fits(bytes[at]!, bytes));
  if (!starts) return { kind: "no" };
  try {
    const hello = assemble(bytes);
    if (hello === undefined) return { kind: "more" };
    return {
      kind: "raw",
      protocol: "tls",
      to: destination(serverName(hello)),
      size: bytes.length,
      refuse,
    };
  } catch (error) {
    if (error instanceof MalformedHello) return reject(DECODE_ERROR, error.message);
    if (error instanceof BrokenRecord) return reject(error.alert, error.message);
    throw error;
  }
}

/** Names of services need not be tokens: behind a default client there may be many. */
function destination(name: string | undefined): Destination {
  if (name === undefined) return undefined;
  const [label = ""] = name.split(".", 1);
  // Host names have no case and browsers write them small, but an id has one.
  return { token: label, folded: label.toLowerCase(), vague: true };
}

/** Nobody has that name; or it takes more than the name; or what has it does not work. */
const ALERTS: Readonly<Record<number, number>> = { 401: ACCESS_DENIED, 404: UNRECOGNIZED_NAME };

function refuse({ status }: Refusal): Uint8Array {
  return fatal(ALERTS[status] ?? INTERNAL_ERROR);
}

function reject(alert: number, why: string): Verdict {
  return { kind: "reject", protocol: "tls", why: `ClientHello: ${why}`, reply: fatal(alert) };
}

/** An alert with which the connection ends. */
function fatal(description: number): Uint8Array {
  return Uint8Array.of(ALERT, 3, 3, 0, 2, 2, description);
}

/** Records of which no message can be made. */
class BrokenRecord extends Error {
  override name = "BrokenRecord";

  constructor(readonly alert: number, message: string) {
    super(message);
  }
}

/** The first handshake message without its header; undefined while some of it is not there. */
function assemble(records: Uint8Array): Uint8Array | undefined {
  if (holds(records, MESSAGE_HEADER)) {
    const [, high, middle, low] = join(records, MESSAGE_HEADER);
    const size = MESSAGE_HEADER + (high! << 16 | middle! << 8 | low!);
    if (size > MAX_HELLO) throw new BrokenRecord(DECODE_ERROR, "it is longer than 64 KiB");
    if (holds(records, size)) return join(records, size).subarray(MESSAGE_HEADER);
  }
  if (records.length < MAX_HELLO) return undefined;
  throw new BrokenRecord(DECODE_ERROR, "its records are longer than 64 KiB");
}

/** Whether the records have so many bytes of messages; nothing behind those is looked at. */
function holds(records: Uint8Array, count: number): boolean {
  let held = 0;
  for (let at = 0; held < count;) {
    const start = at + RECORD_HEADER;
    if (start > records.length) return false;
    const length = lengthAt(records, at);
    if (records[at] !== HANDSHAKE || length === 0) {
      throw new BrokenRecord(UNEXPECTED_MESSAGE, "another record comes before its end");
    }
    if (length > MAX_FRAGMENT) throw new BrokenRecord(RECORD_OVERFLOW, "a record is too long");
    held += Math.min(length, records.length - start);
    at = start + length;
  }
  return true;
}

/** The first bytes of messages in the records, which hold so many. */
function join(records: Uint8Array, count: number): Uint8Array {
  const joined = new Uint8Array(count);
  let filled = 0;
  for (let at = 0; filled < count;) {
    const start = at + RECORD_HEADER;
    const length = lengthAt(records, at);
    const fragment = records.subarray(start, start + Math.min(length, count - filled));
    joined.set(fragment, filled);
    filled += fragment.length;
    at = start + length;
  }
  return joined;
}

function lengthAt(records: Uint8Array, at: number): number {
  return records[at + 3]! << 8 | records[at + 4]!;
}
