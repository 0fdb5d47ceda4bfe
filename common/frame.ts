/**
 * Frames: a 4-byte big-endian length, then that many bytes of UTF-8 JSON.
 *
 * {@link decodeFrame} is a pure function over the bytes seen so far, so that a frame may come in any
 * pieces, and what follows it on a tunnel (the visitor's own bytes) is left alone.
 *
 * @module
 */

import { type Command, formatCommand, parseCommand } from "./commands.ts";
import { DeadlineError, ProtocolError } from "./errors.ts";
import type { Peek } from "./peek.ts";
import { closeQuietly } from "./transport.ts";

/** Longest JSON text in a frame, in bytes. Checked before anything is allocated. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** Bytes of the length in front. */
export const FRAME_HEADER_BYTES = 4;

/** How a ClientHello begins: a record of a handshake, version 3.x. */
const TLS_HANDSHAKE = 0x1603;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One frame, or several in a row for one write, optionally followed by raw bytes. */
export function encodeFrames(commands: readonly Command[], rest?: Uint8Array): Uint8Array {
  const bodies = commands.map((command) => encoder.encode(formatCommand(command)));
  let size = rest?.length ?? 0;
  for (const body of bodies) {
    if (body.length > MAX_FRAME_BYTES) {
      throw new RangeError(
        `Cannot send a frame of ${body.length} bytes: the limit is ${MAX_FRAME_BYTES}`,
      );
    }
    size += FRAME_HEADER_BYTES + body.length;
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const body of bodies) {
    view.setUint32(at, body.length);
    bytes.set(body, at + FRAME_HEADER_BYTES);
    at += FRAME_HEADER_BYTES + body.length;
  }
  if (rest !== undefined) bytes.set(rest, at);
  return bytes;
}

/** One frame. */
export function encodeFrame(command: Command): Uint8Array {
  return encodeFrames([command]);
}

/** What {@link decodeFrame} found: a command, and how many bytes it took. */
export interface Decoded {
  command: Command;
  size: number;
}

/**
 * Reads the frame at the start of `bytes`; undefined when more bytes are needed.
 *
 * @throws {ProtocolError} on a length of 0 or beyond {@link MAX_FRAME_BYTES}, on text that is not
 * UTF-8, and on everything that `parseCommand` refuses.
 */
export function decodeFrame(bytes: Uint8Array): Decoded | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (length === 0) throw new ProtocolError("Cannot read a frame: its length is 0");
  if (length > MAX_FRAME_BYTES) {
    if (length >>> 16 === TLS_HANDSHAKE) {
      throw new ProtocolError("Cannot read a frame: the peer speaks TLS, and this side does not");
    }
    throw new ProtocolError(
      `Cannot read a frame of ${length} bytes: the limit is ${MAX_FRAME_BYTES}`,
    );
  }
  const size = FRAME_HEADER_BYTES + length;
  if (bytes.length < size) return undefined;
  let text: string;
  try {
    text = decoder.decode(bytes.subarray(FRAME_HEADER_BYTES, size));
  } catch {
    throw new ProtocolError("Cannot read a frame: its text is not UTF-8");
  }
  return { command: parseCommand(text), size };
}

/**
 * Reads the next command from a connection; null when it ended before the first byte of one.
 *
 * @throws {ProtocolError} on a bad frame, and on an end in the middle of one.
 */
export async function readFrame(peek: Peek): Promise<Command | null> {
  for (;;) {
    const decoded = decodeFrame(peek.bytes);
    if (decoded !== undefined) {
      peek.consume(decoded.size);
      return decoded.command;
    }
    if (!await peek.fill()) {
      if (peek.bytes.length === 0) return null;
      throw new ProtocolError("Cannot read a frame: the connection ended in the middle of one");
    }
  }
}

/**
 * {@link readFrame} with a deadline. A read cannot be taken back, so a missed deadline closes the
 * connection.
 *
 * @throws {DeadlineError} after `ms` milliseconds.
 */
export async function readFrameWithin(peek: Peek, ms: number): Promise<Command | null> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    closeQuietly(peek.conn);
  }, ms);
  try {
    return await readFrame(peek);
  } catch (error) {
    if (late) throw new DeadlineError(`no complete frame came within ${ms / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
