/**
 * Where the body of a message ends. The bytes themselves pass through untouched; a {@link Body}
 * only says how many of those at hand still belong to it.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length | RFC 9112 §6.3}
 * @module
 */

import { Refusal } from "./refusal.ts";
import type { Head, RequestHead, ResponseHead } from "./head.ts";

/** The rest of a message after its head. */
export interface Body {
  /** Whether its last byte has been taken. */
  readonly done: boolean;
  /**
   * How many bytes from `at` on belong to the body.
   *
   * @throws {Refusal} 400 on a bad chunk.
   */
  take(bytes: Uint8Array, at: number): number;
}

/** A body of known length. */
class LengthBody implements Body {
  constructor(private left: number) {}
  get done(): boolean {
    return this.left === 0;
  }
  take(bytes: Uint8Array, at: number): number {
    const count = Math.min(this.left, bytes.length - at);
    this.left -= count;
    return count;
  }
}

/** A body that only the end of the connection ends. */
class EndlessBody implements Body {
  readonly done = false;
  take(bytes: Uint8Array, at: number): number {
    return bytes.length - at;
  }
}

/** Most bytes of one chunk-size line with its extensions, and of all trailers together. */
const MAX_LINE_BYTES = 16 * 1024;
/** 13 hexadecimal digits stay below 2^52. */
const MAX_SIZE_DIGITS = 13;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

const enum State {
  Size,
  Extension,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  TrailerStart,
  Trailer,
  TrailerLf,
  LastLf,
  Done,
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** A body in chunks, RFC 9112 §7.1, read strictly and without looking at the data. */
class ChunkedBody implements Body {
  #state = State.Size;
  #size = 0;
  #digits = 0;
  #line = 0;

  get done(): boolean {
    return this.#state === State.Done;
  }

  take(bytes: Uint8Array, at: number): number {
    let i = at;
    while (i < bytes.length && this.#state !== State.Done) {
      if (this.#state === State.Data) {
        const count = Math.min(this.#size, bytes.length - i);
        this.#size -= count;
        i += count;
        if (this.#size === 0) this.#state = State.DataCr;
      } else this.#step(bytes[i++]!);
    }
    return i - at;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case State.Size: {
        const digit = hexDigit(byte);
        if (digit >= 0 && this.#digits < MAX_SIZE_DIGITS) {
          this.#size = this.#size * 16 + digit;
          this.#digits++;
        } else if (this.#digits === 0 || digit >= 0) this.#bad("its size is not a number");
        else if (byte === CR) this.#state = State.SizeLf;
        else if (byte === SEMICOLON) this.#state = State.Extension;
        else this.#bad("its size is not a number");
        return;
      }
      case State.Extension:
        if (byte === CR) this.#state = State.SizeLf;
        else if (byte === LF) this.#bad("a line ends with a bare LF");
        else this.#long();
        return;
      case State.SizeLf:
        this.#expect(byte, LF, this.#size === 0 ? State.TrailerStart : State.Data);
        this.#line = 0;
        return;
      case State.DataCr:
        return this.#expect(byte, CR, State.DataLf);
      case State.DataLf:
        this.#digits = 0;
        return this.#expect(byte, LF, State.Size);
      case State.TrailerStart:
        if (byte === CR) this.#state = State.LastLf;
        else if (byte <= 32 || byte === LF) this.#bad("a trailer starts with white space");
        else {
          this.#state = State.Trailer;
          this.#long();
        }
        return;
      case State.Trailer:
        if (byte === CR) this.#state = State.TrailerLf;
        else if (byte === LF) this.#bad("a line ends with a bare LF");
        else this.#long();
        return;
      case State.TrailerLf:
        return this.#expect(byte, LF, State.TrailerStart);
      case State.LastLf:
        return this.#expect(byte, LF, State.Done);
    }
  }

  #expect(byte: number, wanted: number, next: State): void {
    if (byte !== wanted) this.#bad("a line end is missing");
    this.#state = next;
  }

  #long(): void {
    if (++this.#line > MAX_LINE_BYTES) this.#bad("an extension or trailer is too long");
  }

  #bad(why: string): never {
    throw new Refusal(400, `Malformed chunk: ${why}`);
  }
}

function contentLength(head: Head): number | undefined {
  const values = head.headers.filter((header) => header.name === "content-length");
  if (values.length === 0) return undefined;
  const value = values[0]!.value;
  // 15 digits stay below 2^53.
  if (values.length > 1 || !/^[0-9]{1,15}$/.test(value)) {
    throw new Refusal(400, "Malformed message: Content-Length is not one number");
  }
  return Number(value);
}

/**
 * The body of a request.
 *
 * @throws {Refusal} 400 when its framing is ambiguous: `Content-Length` beside
 * `Transfer-Encoding`, several lengths, a coding after `chunked`, chunks in HTTP/1.0.
 */
export function requestBody(head: RequestHead): Body {
  const length = contentLength(head);
  const codings = head.headers.filter((header) => header.name === "transfer-encoding");
  if (codings.length === 0) return new LengthBody(length ?? 0);
  if (length !== undefined) {
    throw new Refusal(400, "Malformed request: both Content-Length and Transfer-Encoding");
  }
  if (codings.length > 1 || head.minor === 0 || codings[0]!.value.toLowerCase() !== "chunked") {
    throw new Refusal(400, "Malformed request: a Transfer-Encoding other than chunked");
  }
  return new ChunkedBody();
}

/**
 * The body of a final (not 1xx) response to a request of the given method.
 *
 * @throws {Refusal} when the lengths of a response disagree.
 */
export function responseBody(head: ResponseHead, method: string): Body {
  if (method === "HEAD" || head.status === 204 || head.status === 304) return new LengthBody(0);
  const codings = head.headers.filter((header) => header.name === "transfer-encoding");
  if (codings.length > 0) {
    const last = codings.flatMap(({ value }) => value.toLowerCase().split(",")).at(-1)!;
    return last.trim() === "chunked" ? new ChunkedBody() : new EndlessBody();
  }
  const length = contentLength(head);
  return length === undefined ? new EndlessBody() : new LengthBody(length);
}

/** Whether only the end of the connection can end this body. */
export function isEndless(body: Body): boolean {
  return body instanceof EndlessBody;
}
