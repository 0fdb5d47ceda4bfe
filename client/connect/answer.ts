/**
 * What a server answers to the request for raw bytes, read strictly: behind the head come the bytes
 * of the service, and not one of them may be taken for something else.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112#section-4 | RFC 9112 §4: Status Line}
 * @module
 */

import { latin1, type Peek, ProtocolError } from "@agentx/common";

/** Most bytes of a head, blank line included. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** Most bytes of an answer's text that are read; a reason is a line or two. */
const MAX_TEXT_BYTES = 8 * 1024;
/** Most letters of it that are shown. */
const MAX_REASON = 500;

/** The head of an answer. */
export interface Answer {
  status: number;
  /** What the first line says of it; may be empty. */
  phrase: string;
  /** By names in lower case; values of several lines joined by commas. */
  headers: Map<string, string>;
}

const CR = 13;
const LF = 10;
const START = new TextEncoder().encode("HTTP/1.");
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Reads the head of the final answer and consumes it; interim answers in front of it are passed over.
 *
 * @throws {ProtocolError} on anything that is no HTTP, and on a head that is too large.
 * @throws {Deno.errors.UnexpectedEof} when the connection ends before the head does.
 */
export async function readAnswer(peek: Peek): Promise<Answer> {
  let before = 0;
  for (;;) {
    const size = await headSize(peek, MAX_HEAD_BYTES - before);
    const answer = parseAnswer(peek.bytes.subarray(0, size));
    peek.consume(size);
    before += size;
    // 100 Continue, 103 Early Hints, and what else may come first, RFC 9110 §15.2.
    if (answer.status === 101 || answer.status >= 200) return answer;
  }
}

/** Waits until a whole head is at hand; its size. */
async function headSize(peek: Peek, max: number): Promise<number> {
  for (let line = 0;;) {
    const { bytes } = peek;
    if (START.some((byte, i) => i < bytes.length && bytes[i] !== byte)) {
      throw new ProtocolError("it does not speak HTTP");
    }
    for (let lf = bytes.indexOf(LF, line); lf >= 0; lf = bytes.indexOf(LF, line)) {
      if (bytes[lf - 1] !== CR) throw new ProtocolError("a line of its answer has a bare LF");
      const blank = lf - line === 1;
      line = lf + 1;
      if (line > max) break;
      if (blank) return line;
    }
    if (line > max || bytes.length >= max) {
      throw new ProtocolError(`its answer has a head of more than ${MAX_HEAD_BYTES} bytes`);
    }
    if (!await peek.fill()) {
      throw new Deno.errors.UnexpectedEof("it hung up instead of an answer");
    }
  }
}

function parseAnswer(bytes: Uint8Array): Answer {
  // Bytes above 127 matter to nobody here, so long as none of them passes for something else.
  const lines = latin1(bytes).split("\r\n");
  const [first = "", ...rest] = lines;
  const status = STATUS_LINE.exec(first);
  if (status === null) throw new ProtocolError("it does not speak HTTP/1.1");
  const headers = new Map<string, string>();
  for (const line of rest.slice(0, -2)) {
    const match = HEADER.exec(line);
    if (match === null) throw new ProtocolError("a line of its answer is no header");
    const name = match[1]!.toLowerCase();
    const value = match[2]!.replace(/^[ \t]+|[ \t]+$/g, "");
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { status: Number(status[1]), phrase: status[2] ?? "", headers };
}

/** Whether a comma-separated header holds a word, in whatever case. */
export function holds({ headers }: Answer, name: string, word: string): boolean {
  const items = (headers.get(name) ?? "").toLowerCase().split(",");
  return items.some((item) => item.trim() === word);
}

/**
 * Why a server refused: the status, and its own words if it sent plain text, as one line. A page
 * for browsers tells less than the status does, and comes from a proxy.
 */
export async function readReason(peek: Peek, answer: Answer): Promise<string> {
  const { headers, status, phrase } = answer;
  const plain = /^text\/plain\b/i.test(headers.get("content-type") ?? "");
  const text = plain && !headers.has("transfer-encoding") ? await readText(peek, headers) : "";
  const words = oneLine(text) || oneLine(phrase);
  return words === "" ? String(status) : `${status}, ${words}`;
}

async function readText(peek: Peek, headers: Answer["headers"]): Promise<string> {
  const said = headers.get("content-length") ?? "";
  const length = Math.min(/^\d{1,9}$/.test(said) ? Number(said) : Infinity, MAX_TEXT_BYTES);
  try {
    while (peek.size < length && await peek.fill()) { /* until it is whole, or ends */ }
  } catch { /* what came will do */ }
  return new TextDecoder().decode(peek.bytes.subarray(0, length));
}

/** Several lines as sentences of one; without what could play tricks on a terminal. */
function oneLine(text: string): string {
  return text.split(/[\r\n]+/)
    .map((line) => line.replace(/\p{C}/gu, "").trim())
    .filter((line) => line !== "")
    .map((line, i, all) => i < all.length - 1 && !/[.!?:]$/.test(line) ? `${line}.` : line)
    .join(" ")
    .slice(0, MAX_REASON);
}
