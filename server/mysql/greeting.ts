/**
 * The first packet of a connection, with which a server says what it is.
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html | MySQL: Protocol::HandshakeV10}
 * @see {@link https://mariadb.com/kb/en/connection/#initial-handshake-packet | MariaDB: Initial Handshake Packet}
 * @module
 */

import { join } from "@agentx/common";
import { Reader, Writer } from "./bytes.ts";
import { CAN, can, type Capabilities } from "./capabilities.ts";

/** Protocol version of every server since 1998. */
const VERSION = 10;
/** Bytes of the scramble in front, the rest stands behind. */
const FRONT = 8;
/** The rest is at least that long, its final zero included. */
const REST = 13;

/** A server's greeting. */
export interface Greeting extends Capabilities {
  /** Such as `8.4.3` or `5.5.5-10.11.6-MariaDB`. */
  version: string;
  /** Of the connection, for `KILL`. */
  thread: number;
  /** What a password is mixed with; 20 bytes, and no final zero. */
  scramble: Uint8Array;
  /** Low byte of the collation. */
  charset: number;
  status: number;
  /** How most users log in; empty where the server knows but one way. */
  plugin: string;
}

/** Reads the payload of a greeting; undefined when it is none. */
export function parseGreeting(payload: Uint8Array): Greeting | undefined {
  const reader = new Reader(payload);
  if (reader.int(1) !== VERSION) return undefined;
  const version = reader.untilZero();
  const thread = reader.int(4);
  const front = reader.take(FRONT);
  reader.take(1);
  const low = reader.int(2);
  const charset = reader.int(1);
  const status = reader.int(2);
  const flags = low + reader.int(2) * 0x10000;
  const length = reader.int(1);
  reader.take(6);
  const own = reader.int(4);
  if (!reader.ok) return undefined;
  const size = can({ flags }, CAN.secureConnection) ? Math.max(REST, length - FRONT) : 0;
  // Some servers end the packet with the scramble, and leave the zero behind it out.
  const rest = reader.take(Math.min(reader.left, size));
  const plugin = can({ flags }, CAN.pluginAuth) ? reader.untilZeroOrEnd() : "";
  if (!reader.ok) return undefined;
  const scramble = join(front, rest.at(-1) === 0 ? rest.subarray(0, -1) : rest);
  const extended = can({ flags }, CAN.mysql) ? 0 : own;
  return { version, thread, flags, extended, scramble, charset, status, plugin };
}

/** The payload of a greeting; its scramble must have 20 bytes. */
export function formatGreeting(greeting: Greeting): Uint8Array {
  const { flags, extended, scramble } = greeting;
  return new Writer()
    .int(1, VERSION)
    .zeroEnded(greeting.version)
    .int(4, greeting.thread)
    .put(scramble.subarray(0, FRONT)).int(1, 0)
    .int(2, flags & 0xffff)
    .int(1, greeting.charset)
    .int(2, greeting.status)
    .int(2, flags >>> 16)
    .int(1, can(greeting, CAN.pluginAuth) ? scramble.length + 1 : 0)
    .zeros(6)
    .int(4, can(greeting, CAN.mysql) ? 0 : extended)
    .put(scramble.subarray(FRONT)).int(1, 0)
    .text(can(greeting, CAN.pluginAuth) ? greeting.plugin + "\0" : "")
    .bytes;
}
