/**
 * A client's answer to the greeting: who it is, and what it wants.
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_response.html | MySQL: Protocol::HandshakeResponse}
 * @see {@link https://mariadb.com/kb/en/connection/#client-handshake-response | MariaDB: Client Handshake Response}
 * @module
 */

import { latin1Bytes } from "@agentx/common";
import { Reader, Writer } from "./bytes.ts";
import { CAN, can, type Capabilities } from "./capabilities.ts";

/** `HandshakeResponse41`. Names stand for their bytes, see `bytes.ts`. */
export interface Response extends Capabilities {
  /** Longest packet it takes. */
  maxPacket: number;
  /** Low byte of the collation. */
  charset: number;
  /** What MySQL keeps for later. */
  filler: Uint8Array;
  user: string;
  /** Its password, mixed with the greeting's scramble. */
  auth: Uint8Array;
  /** Empty where {@link CAN.connectWithDb} is unset. */
  database: string;
  /** How it logs in; empty where {@link CAN.pluginAuth} is unset. */
  plugin: string;
  /** Names and values, as they came; empty where {@link CAN.connectAttrs} is unset. */
  attributes: Uint8Array;
  /** Level of a compression that is never agreed on, and what newer clients may add. */
  rest: Uint8Array;
}

/** Reserved bytes in front of MariaDB's capabilities. */
const FILLER_BYTES = 19;

/** Reads the payload of an answer, all of it as copies; undefined when it is malformed. */
export function parseResponse(payload: Uint8Array): Response | undefined {
  const reader = new Reader(payload.slice());
  const flags = reader.int(4);
  const has = (bits: number) => can({ flags }, bits);
  const maxPacket = reader.int(4);
  const charset = reader.int(1);
  const filler = reader.take(FILLER_BYTES);
  const extended = reader.int(4);
  const user = reader.untilZero();
  const auth = readAuth(reader, flags);
  const database = has(CAN.connectWithDb) ? reader.untilZeroOrEnd() : "";
  const plugin = has(CAN.pluginAuth) ? reader.untilZeroOrEnd() : "";
  // Some clients set the bit and leave them out.
  const attributes = reader.take(
    has(CAN.connectAttrs) && reader.left > 0 ? reader.lenenc() : 0,
  );
  const rest = reader.take(reader.left);
  if (!reader.ok) return undefined;
  return {
    flags,
    maxPacket,
    charset,
    filler,
    extended,
    user,
    auth,
    database,
    plugin,
    attributes,
    rest,
  };
}

function readAuth(reader: Reader, flags: number): Uint8Array {
  if (can({ flags }, CAN.lenencAuth)) return reader.take(reader.lenenc());
  if (can({ flags }, CAN.secureConnection)) return reader.take(reader.int(1));
  return latin1Bytes(reader.untilZero());
}

/**
 * The payload of an answer, by its flags.
 *
 * @throws {RangeError} for a password that does not fit the way its flags say it is written.
 */
export function formatResponse(response: Response): Uint8Array {
  const { auth } = response;
  const has = (bits: number) => can(response, bits);
  const writer = new Writer()
    .int(4, response.flags)
    .int(4, response.maxPacket)
    .int(1, response.charset)
    .put(response.filler)
    .int(4, response.extended)
    .zeroEnded(response.user);
  if (has(CAN.lenencAuth)) writer.lenenc(auth.length);
  else if (auth.length > 0xff || !has(CAN.secureConnection)) {
    throw new RangeError(`Cannot log in with ${auth.length} bytes: the server takes no such`);
  } else writer.int(1, auth.length);
  writer.put(auth);
  if (has(CAN.connectWithDb)) writer.zeroEnded(response.database);
  if (has(CAN.pluginAuth)) writer.zeroEnded(response.plugin);
  if (has(CAN.connectAttrs)) writer.lenenc(response.attributes.length).put(response.attributes);
  return writer.put(response.rest).bytes;
}
