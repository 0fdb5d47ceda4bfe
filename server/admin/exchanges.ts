/**
 * Requests and answers of one connection, one after the other.
 *
 * @module
 */

import { closeQuietly, latin1, linger, type Peek, writeAll } from "@agentx/common";
import {
  hasToken,
  HeadScanner,
  keepsAlive,
  parseRequestHead,
  Refusal,
  requestBody,
  type RequestHead,
} from "@agentx/common/http";
import { answer } from "../http/answer.ts";

/** Answers a request that came from an IP address. */
export type App = (request: Request, address: string) => Promise<Response>;

/** For a request to come whole, once it has begun, and for an answer to leave, in milliseconds. */
const READ_MS = 10_000;
const WRITE_MS = 60_000;
/** Between two requests, in milliseconds; longer than browsers and Prometheus keep one in hand. */
const IDLE_MS = 120_000;
const MAX_HEAD = 16 * 1024;
/** Of what the wire has of it; what the application takes is far less. */
const MAX_BODY = 32 * 1024;
/** A shorter answer is not worth compressing, in bytes. */
const MIN_ZIPPED = 1024;

const encoder = new TextEncoder();

/** The life of a connection. It does not own that, but closes it when a deadline is missed. */
export class Exchanges {
  /** Whether a request is being answered. */
  answering = false;
  /** When it answered last, or began; milliseconds. */
  since: number = performance.now();
  #busy = false;
  #leaving = false;
  #scanner = new HeadScanner(MAX_HEAD);

  constructor(
    private readonly peek: Peek,
    private readonly app: (request: Request) => Promise<Response>,
  ) {}

  /**
   * Answers until one of the two has had enough.
   *
   * @throws what the connection throws.
   */
  async run(): Promise<void> {
    for (let more = true; more && !this.#leaving;) {
      if (this.peek.size === 0 && !await this.#within(IDLE_MS, () => this.peek.fill())) return;
      this.#busy = true;
      more = await this.#exchange();
      this.#busy = this.answering = false;
      this.since = performance.now();
    }
  }

  /** The next answer is the last; without one under way it ends now. */
  leave(): void {
    this.#leaving = true;
    if (!this.#busy) void linger(this.peek);
  }

  /** @returns whether there may be another. */
  async #exchange(): Promise<boolean> {
    let head: RequestHead | undefined;
    let request: Request;
    try {
      const read = await this.#within(READ_MS, async () => {
        head = await this.#head();
        return { head, body: await this.#body(head) };
      });
      request = toRequest(read.head, read.body);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      await this.#write(answer(error, head, false));
      return false;
    }
    this.answering = true;
    const response = await this.app(request);
    const { minor, method } = head!;
    const streams = /^text\/event-stream/.test(response.headers.get("content-type") ?? "");
    if (streams && response.body !== null && method !== "HEAD") {
      await this.#stream(response, response.body, minor === 1);
      return false;
    }
    const more = keepsAlive(head!) && !this.#leaving;
    // Whoever does not take its answer is as quiet as one that asks nothing.
    this.answering = false;
    this.since = performance.now();
    await this.#answer(response, head!, more);
    return more;
  }

  async #head(): Promise<RequestHead> {
    for (;;) {
      // A line end before a request line is tolerated, RFC 9112 §2.2.
      while (this.peek.bytes[0] === 13 && this.peek.bytes[1] === 10) this.peek.consume(2);
      const { bytes } = this.peek;
      const lines = this.#scanner.scan(bytes);
      if (lines !== undefined) {
        const head = parseRequestHead(bytes, lines);
        this.peek.consume(head.size);
        return head;
      }
      await this.#fill();
    }
  }

  async #body(head: RequestHead): Promise<Uint8Array<ArrayBuffer>> {
    const body = requestBody(head);
    const came = new Uint8Array(MAX_BODY);
    let size = 0;
    if (!body.done && this.peek.size === 0 && hasToken(head, "expect", "100-continue")) {
      await writeAll(this.peek.conn, encoder.encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    while (!body.done) {
      if (this.peek.size === 0) await this.#fill();
      const { bytes } = this.peek;
      const count = body.take(bytes, 0);
      if (size + count > MAX_BODY) throw new Refusal(413, "The body is too long");
      came.set(bytes.subarray(0, count), size);
      size += count;
      this.peek.consume(count);
    }
    const bytes = came.subarray(0, size);
    return hasToken(head, "transfer-encoding", "chunked") ? joinChunks(bytes) : bytes;
  }

  async #fill(): Promise<void> {
    if (!await this.peek.fill()) throw new Deno.errors.UnexpectedEof("it left in a request");
  }

  async #answer(response: Response, request: RequestHead, more: boolean): Promise<void> {
    const { headers } = response;
    headers.set("connection", more ? "keep-alive" : "close");
    let body = await response.bytes();
    if (body.length >= MIN_ZIPPED) {
      headers.append("vary", "accept-encoding");
      if (hasToken(request, "accept-encoding", "gzip")) {
        body = await zipped(body);
        headers.set("content-encoding", "gzip");
      }
    }
    if (request.method !== "HEAD") headers.set("content-length", `${body.length}`);
    const head = headOf(response);
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(head);
    bytes.set(body, head.length);
    await this.#write(bytes);
  }

  /** Passes on what comes until it ends or the peer leaves; it has all the time in the world. */
  async #stream(
    response: Response,
    body: ReadableStream<Uint8Array>,
    chunked: boolean,
  ): Promise<void> {
    response.headers.set("connection", "close");
    if (chunked) response.headers.set("transfer-encoding", "chunked");
    const { conn } = this.peek;
    const reader = body.getReader();
    // A peer that takes nothing would let a write wait for ever.
    reader.closed.catch(() => closeQuietly(conn));
    const gone = this.#gone().then(() => reader.cancel()).catch(() => {});
    try {
      await this.#write(headOf(response));
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        await writeAll(conn, chunked ? chunkOf(value) : value);
      }
      if (chunked) await this.#write(encoder.encode("0\r\n\r\n"));
      await linger(this.peek);
    } finally {
      closeQuietly(conn);
      await gone;
    }
  }

  /** Resolves when the peer has left. */
  async #gone(): Promise<void> {
    try {
      while (await this.peek.fill()) this.peek.consume(this.peek.size);
    } catch { /* as well */ }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#within(WRITE_MS, () => writeAll(this.peek.conn, bytes));
  }

  /** A missed deadline ends the connection, and so the task. */
  async #within<T>(ms: number, task: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => closeQuietly(this.peek.conn), ms);
    try {
      return await task();
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * What the application is given.
 *
 * @throws {Refusal} 400 on what the platform takes for no request.
 */
function toRequest(head: RequestHead, body: Uint8Array<ArrayBuffer>): Request {
  const { method, target } = head;
  try {
    const path = target === "*" ? "/*" : target.replace(/^https?:\/\/[^/?#]*/i, "");
    // Which host was asked is said by the header alone.
    const url = `https://localhost${path}`;
    const headers = new Headers(head.headers.map(({ name, value }) => [name, value]));
    const empty = body.length === 0 || method === "GET" || method === "HEAD";
    return new Request(url, { method, headers, ...(empty ? {} : { body }) });
  } catch {
    throw new Refusal(400, "Malformed request: its method or target is of no use here");
  }
}

function headOf({ status, headers }: Response): Uint8Array {
  headers.set("date", new Date().toUTCString());
  const lines = Array.from(headers, ([name, value]) => `${name}: ${value}\r\n`);
  return encoder.encode(`HTTP/1.1 ${status} \r\n${lines.join("")}\r\n`);
}

function chunkOf(bytes: Uint8Array): Uint8Array {
  const head = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(head.length + bytes.length + 2);
  chunk.set(head);
  chunk.set(bytes, head.length);
  chunk.set([13, 10], chunk.length - 2);
  return chunk;
}

/** The data of a body in chunks, which is known to be well-formed. */
function joinChunks(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let [at, size] = [0, 0];
  for (;;) {
    const start = bytes.indexOf(10, at) + 1;
    const length = parseInt(latin1(bytes, at, start), 16);
    if (length === 0) return bytes.subarray(0, size);
    bytes.copyWithin(size, start, start + length);
    size += length;
    at = start + length + 2;
  }
}

function zipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip")))
    .bytes();
}
