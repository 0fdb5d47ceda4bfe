/**
 * How a login ends: OK or ERR, and the ERR that a refusal becomes.
 *
 * The codes are those MySQL's own servers send, with the SQLSTATE that the manual gives for each:
 * drivers know `08…` for a connection that failed, and try again or elsewhere.
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_response_packets.html | MySQL: Generic Response Packets}
 * @see {@link https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html | MySQL: Server Error Message Reference}
 * @module
 */

import type { Refusal } from "@agentx/common/http";
import { Reader, Writer } from "./bytes.ts";
import { packet } from "./packet.ts";

/** A number and a SQLSTATE. */
export type Code = readonly [number: number, sqlstate: string];

/** Errors that are sent here, by the names of the manual without `ER_`. */
export const CODE = {
  /** "Too many connections" */
  CON_COUNT_ERROR: [1040, "08004"],
  /** "Bad handshake" */
  HANDSHAKE_ERROR: [1043, "08S01"],
  /** "Access denied for user": also for one who names nobody, or somebody unknown. */
  ACCESS_DENIED_ERROR: [1045, "28000"],
  /** "Server shutdown in progress": it was here, and may come back. */
  SERVER_SHUTDOWN: [1053, "08S01"],
  /** "Got a packet bigger than 'max_allowed_packet' bytes" */
  NET_PACKET_TOO_LARGE: [1153, "08S01"],
  /** "Got packets out of order" */
  NET_PACKETS_OUT_OF_ORDER: [1156, "08S01"],
  /** "Got an error reading communication packets": the server stands between two ends as well. */
  NET_READ_ERROR: [1158, "08S01"],
  /** "Got timeout reading communication packets" */
  NET_READ_INTERRUPTED: [1159, "08S01"],
  /** "Client does not support authentication protocol requested by server; consider upgrading" */
  NOT_SUPPORTED_AUTH_MODE: [1251, "08004"],
} as const satisfies Record<string, Code>;

const BY_STATUS: Record<number, Code> = {
  400: CODE.HANDSHAKE_ERROR,
  401: CODE.ACCESS_DENIED_ERROR,
  404: CODE.ACCESS_DENIED_ERROR,
  426: CODE.NOT_SUPPORTED_AUTH_MODE,
  429: CODE.CON_COUNT_ERROR,
  502: CODE.NET_READ_ERROR,
  503: CODE.SERVER_SHUTDOWN,
  504: CODE.NET_READ_INTERRUPTED,
};

/** Longest message in bytes: `MYSQL_ERRMSG_SIZE` is 512, and clients cut what is longer. */
const MAX_MESSAGE_BYTES = 500;
const OK = 0x00;
const ERR = 0xff;
const AUTH_SWITCH = 0xfe;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Packet number `nth` with an ERR. */
export function errPacket(nth: number, [number, sqlstate]: Code, message: string): Uint8Array {
  return packet(
    nth,
    new Writer().int(1, ERR).int(2, number).text(`#${sqlstate}`).put(line(message)).bytes,
  );
}

/** Packet number `nth` with an ERR as programs older than MySQL 4.1 read it. */
export function oldErrPacket(nth: number, [number]: Code, message: string): Uint8Array {
  return packet(nth, new Writer().int(1, ERR).int(2, number).put(line(message)).bytes);
}

/** Packet number `nth` with the ERR of a refusal. Clients show one line, so it holds the hint too. */
export function refusalPacket(nth: number, { status, message, hint }: Refusal): Uint8Array {
  const text = hint === "" ? message : `${message}. ${hint}`;
  return errPacket(nth, BY_STATUS[status] ?? CODE.NET_READ_ERROR, text);
}

function line(text: string): Uint8Array {
  // deno-lint-ignore no-control-regex
  return encoder.encode(text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ")).subarray(0, MAX_MESSAGE_BYTES);
}

/** What an ERR says; undefined for another payload. */
export function readErr(
  payload: Uint8Array,
): { number: number; sqlstate: string; message: string } | undefined {
  const reader = new Reader(payload);
  if (reader.int(1) !== ERR) return undefined;
  const number = reader.int(2);
  const marked = payload[3] === 35; // "#"
  const sqlstate = marked ? reader.text(6).slice(1) : "";
  return { number, sqlstate, message: decoder.decode(reader.take(reader.left)) };
}

/** Whether a login ends with this payload. */
export function endsLogin(payload: Uint8Array): boolean {
  return payload[0] === OK || isErr(payload);
}

/** Whether it is an ERR. */
export function isErr(payload: Uint8Array): boolean {
  return payload[0] === ERR;
}

/** The payload that asks a client to log in by `plugin`, with another scramble. */
export function authSwitchRequest(plugin: string, scramble: Uint8Array): Uint8Array {
  return new Writer().int(1, AUTH_SWITCH).zeroEnded(plugin).put(scramble).int(1, 0).bytes;
}
