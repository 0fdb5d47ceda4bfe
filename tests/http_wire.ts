/**
 * HTTP by hand, for tests that care about single bytes: one connection, read message by message.
 * Visitors and raw services use the same class. Text stands for bytes as Latin-1.
 *
 * @module
 */

import { dial, PATIENCE_MS, send, within } from "./helpers.ts";

/** A request or a response. */
export interface Message {
  /** The first line. */
  start: string;
  /** The head as it came, blank line included. */
  head: string;
  /** Without the coding of chunks. */
  body: string;
  /** Lines behind the last chunk, each with its line end. */
  trailers: string;
}

/** Values of all lines of that name in a head, in order. */
export function fields({ head }: Pick<Message, "head">, name: string): string[] {
  return head.split("\r\n").slice(1)
    .filter((line) => line.toLowerCase().startsWith(name.toLowerCase() + ":"))
    .map((line) => line.slice(name.length + 1).trim());
}

/** The value of the only line of that name; undefined when there is none. */
export function field(message: Pick<Message, "head">, name: string): string | undefined {
  const found = fields(message, name);
  if (found.length > 1) throw new Error(`${found.length} lines ${name}`);
  return found[0];
}

/** The status code of a response. */
export function status(response: Pick<Message, "start">): number {
  return Number(response.start.split(" ")[1]);
}

/** A `GET` with a `Host` and further header lines. */
export function get(target: string, ...lines: string[]): string {
  return [`GET ${target} HTTP/1.1`, "Host: test", ...lines, "", ""].join("\r\n");
}

/** A `POST` with a `Host`, a `Content-Length`, and further header lines. */
export function post(target: string, body: string, ...lines: string[]): string {
  const head = [`POST ${target} HTTP/1.1`, "Host: test", `Content-Length: ${body.length}`];
  return [...head, ...lines, "", ""].join("\r\n") + body;
}

/** An answer with a `Content-Length` and further header lines. */
export function answer(body: string, ...lines: string[]): string {
  const head = ["HTTP/1.1 200 OK", `Content-Length: ${body.length}`];
  return [...head, ...lines, "", ""].join("\r\n") + body;
}

/** Text of code points 0 to 255 as bytes. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A connection that is read by what is expected on it. Every wait has an end. */
export class Wire implements Disposable {
  #held = "";

  constructor(readonly conn: Deno.TcpConn) {}

  /** Connects to a port of this machine. */
  static async dial(port: number): Promise<Wire> {
    return new Wire(await dial(port));
  }

  /** Characters that came and that nobody took. */
  get held(): number {
    return this.#held.length;
  }

  /** Writes it whole. */
  async send(data: string | Uint8Array): Promise<void> {
    await send(this.conn, typeof data === "string" ? latin1(data) : data);
  }

  /** Sends the end of the stream. */
  async finish(): Promise<void> {
    await this.conn.closeWrite();
  }

  /** What comes, up to and with `mark`. */
  async until(mark: string): Promise<string> {
    let at = this.#held.indexOf(mark);
    while (at < 0) {
      await this.#need(JSON.stringify(mark));
      at = this.#held.indexOf(mark);
    }
    return this.#cut(at + mark.length);
  }

  /** The next `count` bytes. */
  async take(count: number): Promise<string> {
    while (this.#held.length < count) await this.#need(`${count} bytes`);
    return this.#cut(count);
  }

  /** Everything to the end of the stream; a reset is an error. */
  async rest(): Promise<string> {
    while (await this.#fill("the end of the stream")) { /* until it ends */ }
    return this.#cut(this.#held.length);
  }

  /** Everything to the end, which may be a reset. */
  async last(): Promise<string> {
    try {
      return await this.rest();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return this.#cut(this.#held.length);
      throw error;
    }
  }

  /** Everything to the end, piece by piece; each is good until the next. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    yield latin1(this.#cut(this.#held.length));
    // The `readable` of a connection would close the way back as well.
    const buffer = new Uint8Array(256 * 1024);
    for (;;) {
      const got = await within(PATIENCE_MS, "the next piece", this.conn.read(buffer));
      if (got === null) return;
      yield buffer.subarray(0, got);
    }
  }

  /** The next request, body included. */
  async request(): Promise<Message> {
    const head = await this.until("\r\n\r\n");
    return await this.#message(head, field({ head }, "content-length") ?? "0");
  }

  /** The next response, interim ones included, to a request of that method. */
  async response(method = "GET"): Promise<Message> {
    const head = await this.until("\r\n\r\n");
    const code = status({ start: startOf(head) });
    if (method === "HEAD" || code < 200 || code === 204 || code === 304) {
      return { start: startOf(head), head, body: "", trailers: "" };
    }
    return await this.#message(head, field({ head }, "content-length"));
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch { /* closed already */ }
  }

  async #message(head: string, length: string | undefined): Promise<Message> {
    const start = startOf(head);
    if (field({ head }, "transfer-encoding")?.toLowerCase() === "chunked") {
      return { start, head, ...await this.#chunks() };
    }
    const body = length === undefined ? await this.rest() : await this.take(Number(length));
    return { start, head, body, trailers: "" };
  }

  async #chunks(): Promise<{ body: string; trailers: string }> {
    let body = "";
    for (;;) {
      const size = parseInt(await this.until("\r\n"), 16);
      if (size === 0) break;
      body += await this.take(size);
      if (await this.take(2) !== "\r\n") throw new Error("a chunk is longer than it says");
    }
    let trailers = "";
    for (;;) {
      const line = await this.until("\r\n");
      if (line === "\r\n") return { body, trailers };
      trailers += line;
    }
  }

  #cut(count: number): string {
    const cut = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    return cut;
  }

  async #need(what: string): Promise<void> {
    if (await this.#fill(what)) return;
    throw new Deno.errors.UnexpectedEof(
      `the connection ended before ${what}; it said ${JSON.stringify(this.#held.slice(0, 500))}`,
    );
  }

  async #fill(what: string): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    const got = await within(PATIENCE_MS, what, this.conn.read(buffer));
    if (got === null) return false;
    for (let i = 0; i < got; i++) this.#held += String.fromCharCode(buffer[i]!);
    return true;
  }
}

function startOf(head: string): string {
  return head.slice(0, head.indexOf("\r\n"));
}
