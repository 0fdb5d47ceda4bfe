/**
 * Request and response heads, parsed strictly.
 *
 * A proxy that reads a head more generously than the service behind it lets one visitor smuggle a
 * request into another's connection, so whatever RFC 9112 does not allow is refused, not guessed.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112 | RFC 9112: HTTP/1.1}
 * @module
 */

import { latin1 } from "../latin1.ts";
import { Refusal } from "./refusal.ts";

/** Most bytes of a head, blank line included. */
export const MAX_HEAD_BYTES = 64 * 1024;

const CR = 13;
const LF = 10;

/** One header line. */
export interface Header {
  /** In lower case. */
  name: string;
  /** Without the white space around it; bytes as Latin-1. */
  value: string;
  /** Where the line starts in the head. */
  start: number;
  /** Where the next line starts. */
  end: number;
}

/** A head as it stands at the start of some bytes. */
export interface Head {
  /** The first line without its line end, as Latin-1. */
  startLine: string;
  /** In the order they came. */
  headers: Header[];
  /** Bytes of the whole head, blank line included. */
  size: number;
}

/** A request's head. */
export interface RequestHead extends Head {
  /** As it stands; methods are case-sensitive. */
  method: string;
  /** A path with its query, an `http` URL, or `*`. */
  target: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor: 0 | 1;
}

/** A response's head. */
export interface ResponseHead extends Head {
  /** 100 to 999. */
  status: number;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor: 0 | 1;
}

/**
 * Finds the end of a head that comes in pieces; remembers what it has seen, so that a head sent one
 * byte at a time costs no more than one sent at once.
 */
export class HeadScanner {
  #line = 0;
  #lines: number[] = [];

  /** @param max most bytes of a head, blank line included. */
  constructor(private readonly max: number = MAX_HEAD_BYTES) {}

  /**
   * @param bytes all bytes so far, from the start of the head.
   * @returns the offsets at which the lines end (of their LF), the blank one last; undefined when
   * more bytes are needed. The scanner is then ready for the next head.
   * @throws {Refusal} 400 on a bare LF, 431 on a head that is too large.
   */
  scan(bytes: Uint8Array): number[] | undefined {
    for (;;) {
      const lf = bytes.indexOf(LF, this.#line);
      if (lf < 0 || lf >= this.max) {
        if (bytes.length >= this.max) {
          throw new Refusal(431, `Head larger than ${this.max} bytes`);
        }
        return undefined;
      }
      if (lf === 0 || bytes[lf - 1] !== CR) {
        throw new Refusal(400, "Malformed request: a line ends with a bare LF");
      }
      this.#lines.push(lf);
      const blank = lf - this.#line === 1;
      this.#line = lf + 1;
      if (blank) {
        const lines = this.#lines;
        this.#lines = [];
        this.#line = 0;
        return lines;
      }
    }
  }
}

// field-name ":" OWS field-value OWS, RFC 9112 §5 and RFC 9110 §5.5: no white space before the
// colon, no control characters but HTAB in the value. Without `(?![ \t])` a line of nothing but
// white space and one bad byte would take time that grows with the square of its length.
const HEADER =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(?![ \t])((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/;

/** @param wanted tells by the first letter of a line (in lower case) whether it is of interest. */
function parseLines(
  bytes: Uint8Array,
  lines: readonly number[],
  wanted?: (letter: number) => boolean,
): Head {
  const size = (lines[lines.length - 1] ?? -1) + 1;
  const text = latin1(bytes, 0, size);
  const headers: Header[] = [];
  let start = (lines[0] ?? 0) + 1;
  for (let i = 1; i < lines.length - 1; i++) {
    const end = (lines[i] ?? 0) + 1;
    if (wanted !== undefined && !wanted(bytes[start]! | 32)) {
      start = end;
      continue;
    }
    const match = HEADER.exec(text.slice(start, end - 2));
    if (match === null) {
      throw new Refusal(400, `Malformed request: header line ${i} is not "name: value"`);
    }
    headers.push({ name: match[1]!.toLowerCase(), value: match[2]!, start, end });
    start = end;
  }
  return { startLine: text.slice(0, (lines[0] ?? 1) - 1), headers, size };
}

// request-target without white space or control characters, RFC 9112 §3.
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;

/**
 * Parses the request head whose lines a {@link HeadScanner} found.
 *
 * @throws {Refusal} 400 on anything that RFC 9112 does not allow.
 */
export function parseRequestHead(bytes: Uint8Array, lines: readonly number[]): RequestHead {
  const head = parseLines(bytes, lines);
  const match = REQUEST_LINE.exec(head.startLine);
  if (match === null) {
    if (head.startLine.startsWith("PRI * HTTP/2")) {
      throw new Refusal(400, "HTTP/2 without TLS is not spoken here", "Use HTTP/1.1.");
    }
    throw new Refusal(400, "Malformed request: the first line is not an HTTP/1.x request");
  }
  const method = match[1]!;
  const target = match[2]!;
  const minor = match[3] === "1" ? 1 : 0;
  const hosts = head.headers.filter((header) => header.name === "host").length;
  if (hosts > 1 || (hosts === 0 && minor === 1)) {
    throw new Refusal(400, `Malformed request: ${hosts} Host headers where one is needed`);
  }
  if (method === "CONNECT" || !/^(\/|\*$|https?:\/\/)/i.test(target)) {
    throw new Refusal(400, "Malformed request: the target is neither a path nor an http URL");
  }
  return { ...head, method, target, minor };
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: |$)/;

/** Connection, Content-Length, Transfer-Encoding, and a line that goes on, which none may. */
const framing = (letter: number) =>
  letter === 99 || letter === 116 || letter === 32 || letter === 41;

/**
 * Parses the response head whose lines a {@link HeadScanner} found, as far as its framing goes: the
 * rest is between the service and the visitor.
 *
 * @throws {Refusal} on a head that is none; the caller decides what that means for the visitor.
 */
export function parseResponseHead(bytes: Uint8Array, lines: readonly number[]): ResponseHead {
  const head = parseLines(bytes, lines, framing);
  const match = STATUS_LINE.exec(head.startLine);
  if (match === null) {
    throw new Refusal(502, "The service answered with something else than HTTP");
  }
  return { ...head, status: Number(match[2]), minor: match[1] === "1" ? 1 : 0 };
}

/** The value of the first header of that (lower-case) name. */
export function header(head: Head, name: string): string | undefined {
  return head.headers.find((header) => header.name === name)?.value;
}

/** Whether a comma-separated header, over all its lines, holds the (lower-case) token. */
export function hasToken(head: Head, name: string, token: string): boolean {
  return head.headers.some((header) =>
    header.name === name &&
    header.value.toLowerCase().split(",").some((item) => item.trim() === token)
  );
}

/** Whether the sender keeps the connection open after this message, RFC 9112 §9.3. */
export function keepsAlive(head: RequestHead | ResponseHead): boolean {
  if (hasToken(head, "connection", "close")) return false;
  return head.minor === 1 || hasToken(head, "connection", "keep-alive");
}
