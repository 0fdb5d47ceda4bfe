/**
 * Packets: a length in three bytes, a number that goes up by one with each packet of an exchange
 * whoever sends it, and so many bytes.
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html | MySQL: Protocol Basics, Packets}
 * @module
 */

/** In front of a packet's payload. */
export const HEADER_BYTES = 4;
/** Most bytes of a packet before the two ends know each other, header included. */
export const MAX_PACKET_BYTES = 64 * 1024;

/** One packet. */
export interface Packet {
  /** Its number, 0 to 255. */
  nth: number;
  payload: Uint8Array;
  /** Bytes with the header. */
  size: number;
}

/**
 * The packet that `bytes` begin with, its payload a view; undefined while it is not whole, and
 * `"too long"` as soon as it says that it is.
 */
export function readPacket(bytes: Uint8Array): Packet | "too long" | undefined {
  const [low, middle, high, nth] = bytes;
  if (low === undefined || middle === undefined || high === undefined) return undefined;
  const size = HEADER_BYTES + low + middle * 0x100 + high * 0x10000;
  if (size > MAX_PACKET_BYTES) return "too long";
  if (nth === undefined || bytes.length < size) return undefined;
  return { nth, payload: bytes.subarray(HEADER_BYTES, size), size };
}

/** A payload as packet number `nth`, which starts again after 255. */
export function packet(nth: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  bytes.set([payload.length, payload.length >> 8, payload.length >> 16, nth]);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}
