/**
 * The packet with which a visitor says who it is and what it wants.
 *
 * @see {@link https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-STARTUPMESSAGE | PostgreSQL: StartupMessage}
 * @module
 */

import { latin1, putLatin1 } from "@agentx/common";

/**
 * A name and its value. Each character stands for one byte: the server's encoding is not known yet,
 * and what is sent on must be what came.
 */
export type Parameter = readonly [name: string, value: string];

/** A startup packet. */
export interface Startup {
  /** Major version in the upper, minor in the lower 16 bits. */
  version: number;
  /** In the order in which they came. */
  parameters: readonly Parameter[];
}

/** Length and version. */
const HEADER_BYTES = 8;

/** Reads a whole packet; undefined when its parameters are not laid out as they have to be. */
export function parseStartup(packet: Uint8Array): Startup | undefined {
  const version = new DataView(packet.buffer, packet.byteOffset).getUint32(4);
  const parts = latin1(packet.subarray(HEADER_BYTES)).split("\0");
  // The last value is terminated, and so is the list.
  if (parts.pop() !== "" || parts.pop() !== "" || parts.length % 2 !== 0) return undefined;
  const parameters: Parameter[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const [name = "", value = ""] = parts.slice(at, at + 2);
    if (name === "") return undefined;
    parameters.push([name, value]);
  }
  return { version, parameters };
}

/** The packet of a startup. */
export function encodeStartup({ version, parameters }: Startup): Uint8Array {
  const text = parameters.map(([name, value]) => `${name}\0${value}\0`).join("") + "\0";
  const packet = new Uint8Array(HEADER_BYTES + text.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, packet.length);
  view.setUint32(4, version);
  putLatin1(packet, text, HEADER_BYTES);
  return packet;
}
