/**
 * PostgreSQL's packets, written after its documentation and not by the code they test.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Bytes of text, of a 32-bit number, or as they are, in a row. */
export function bytesOf(...parts: (string | number | Uint8Array)[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => {
    if (typeof part === "string") return [...encoder.encode(part)];
    if (typeof part !== "number") return [...part];
    return [part >>> 24, part >>> 16 & 255, part >>> 8 & 255, part & 255];
  }));
}

/** A packet without a type: its length, then these. */
export function packet(...parts: (string | number | Uint8Array)[]): Uint8Array {
  const body = bytesOf(...parts);
  return bytesOf(4 + body.length, body);
}

/** A message: its type, its length, then these. */
export function message(type: string, ...parts: (string | number | Uint8Array)[]): Uint8Array {
  return bytesOf(type, packet(...parts));
}

/** A startup packet of protocol 3. */
export function startup(parameters: Iterable<readonly [string, string]>, minor = 0): Uint8Array {
  const list = [...parameters].map(([name, value]) => `${name}\0${value}\0`).join("");
  return packet(3 << 16 | minor, list, "\0");
}

export const SSL_REQUEST: Uint8Array = Uint8Array.fromHex("0000000804d2162f");
export const GSSENC_REQUEST: Uint8Array = Uint8Array.fromHex("0000000804d21630");

/** A cancel request with that key. */
export function cancelRequest(key: Uint8Array): Uint8Array {
  return packet(0x04d2162e, key);
}

/** The fields of an `ErrorResponse`; throws when it is laid out in another way. */
export function readError(bytes: Uint8Array): Record<string, string> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (bytes[0] !== 69 || length !== bytes.length - 1) throw new Error("not one ErrorResponse");
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(5));
  if (!text.endsWith("\0\0")) throw new Error("an ErrorResponse without its end");
  const list = text.slice(0, -2).split("\0");
  return Object.fromEntries(list.map((one) => [one.slice(0, 1), one.slice(1)]));
}
