/**
 * A crowd of visitors that never stops asking, and checks every byte of every answer: what a restart
 * under load is judged by.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { field, get, status, Wire } from "./http_wire.ts";
import { httpService } from "./services.ts";

/** What one kind of visitor does. */
export type Kind = "kept" | "new" | "post";

/** A request that got no whole and right answer. */
export interface Failure {
  kind: Kind;
  /** Whether its connection had served a request before. */
  reused: boolean;
  /** How much of an answer had come. */
  came: number;
  /** When, by `performance.now()`: its connection was begun, and it failed. */
  begun: number;
  at: number;
  /** How long then nothing had come on its connection, in milliseconds. */
  quiet: number;
  error: string;
}

/** Bytes of a body that both ends can make: letters that start at another place for each number. */
function body(nth: number, size: number): string {
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  return letters.repeat(Math.ceil(size / letters.length) + 1)
    .slice(nth % letters.length, nth % letters.length + size);
}

const sizeOf = (nth: number) => (nth * 7919) % 40_000;

/** SHA-256 of Latin-1 text, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}

/**
 * What they ask: `GET /page/N` is a body of its own for each `N`; `POST /hash` tells the SHA-256 of
 * what it got; `/echo` is a WebSocket; `/download` sends a piece whenever the test says so.
 */
export class CrowdService implements AsyncDisposable {
  #pieces = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #server = httpService((request) => this.#serve(request));

  /** The port it listens on. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** Sends a piece to each download; without one, ends them. */
  piece(text?: string): void {
    for (const download of this.#pieces) {
      if (text === undefined) download.close();
      else download.enqueue(new TextEncoder().encode(text));
    }
    if (text === undefined) this.#pieces.clear();
  }

  async #serve(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/echo") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }
    if (pathname === "/download") {
      let download: ReadableStreamDefaultController<Uint8Array>;
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => void this.#pieces.add(download = controller),
        cancel: () => void this.#pieces.delete(download),
      });
      return new Response(stream);
    }
    if (pathname === "/hash") {
      try {
        return new Response(sha256(await latin1Of(request)));
      } catch {
        return new Response("the request broke off", { status: 400 });
      }
    }
    const nth = Number(pathname.split("/")[2]);
    return new Response(body(nth, sizeOf(nth)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

async function latin1Of(request: Request): Promise<string> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/**
 * How much longer than its last answer took a visitor may pause: however slow the machine is, most of
 * them do nothing at any moment, and whatever else is to happen there comes to its turn.
 */
const PATIENT = 10;
/** The same in milliseconds, at the most: then it is not the crowd that slows the machine down. */
const MOST_PATIENT_MS = 500;

/** Visitors that ask without an end. */
export class Crowd implements AsyncDisposable {
  /** Requests that got their answers. */
  served = 0;
  readonly failures: Failure[] = [];
  #over = false;
  #visitors: Promise<void>[] = [];

  /**
   * @param counts visitors of each kind.
   * @param tokens they ask for these in turn.
   * @param pause between two requests of one visitor, at most, in milliseconds; longer if answers take
   * long.
   */
  constructor(
    private readonly port: number,
    counts: Record<Kind, number>,
    private readonly tokens: readonly string[],
    private readonly pause: number = 80,
  ) {
    for (const [kind, count] of Object.entries(counts) as [Kind, number][]) {
      for (let nth = 0; nth < count; nth++) this.#visitors.push(this.#visit(kind, nth));
    }
  }

  /** Resolves when so many more have been served. */
  async serves(count: number, ms = 60_000): Promise<void> {
    const enough = this.served + count;
    const deadline = performance.now() + ms;
    while (this.served < enough) {
      if (performance.now() > deadline) {
        throw new Error(`${enough - this.served} of ${count} not served within ${ms} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #visit(kind: Kind, seed: number): Promise<void> {
    let wire: Wire | undefined;
    let begun = 0;
    let heard = 0;
    let requests = 0;
    for (let nth = seed; !this.#over; nth++) {
      const token = this.tokens[nth % this.tokens.length]!;
      const since = performance.now();
      try {
        if (wire === undefined) {
          begun = heard = performance.now();
          requests = 0;
          wire = await Wire.dial(this.port);
        }
        const last = await ask(wire, kind, token, nth);
        heard = performance.now();
        requests++;
        this.served++;
        if (last) {
          wire[Symbol.dispose]();
          wire = undefined;
        }
      } catch (error) {
        const { name, message } = error as Error;
        this.failures.push({
          kind,
          reused: requests > 0,
          came: wire?.held ?? 0,
          begun,
          at: performance.now(),
          quiet: performance.now() - heard,
          error: `${name}: ${message}`,
        });
        wire?.[Symbol.dispose]();
        wire = undefined;
      }
      const slowly = Math.min(PATIENT * (performance.now() - since), MOST_PATIENT_MS);
      const longest = Math.max(this.pause, slowly);
      let left = Math.random() * longest;
      // In small parts, so that an end need not wait for it.
      for (; left > 0 && !this.#over; left -= this.pause) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(left, this.pause)));
      }
    }
    wire?.[Symbol.dispose]();
  }

  /** Lets each have its answer, and ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all(this.#visitors);
  }
}

/** @returns whether the connection ends with this answer. */
async function ask(wire: Wire, kind: Kind, token: string, nth: number): Promise<boolean> {
  const sent = body(nth, sizeOf(nth));
  const lines = kind === "new" ? ["Connection: close"] : [];
  if (kind !== "post") await wire.send(get(`/page/${nth}?token=${token}`, ...lines));
  else {
    await wire.send(
      `POST /hash?token=${token} HTTP/1.1\r\nHost: test\r\nContent-Length: ${sent.length}\r\n\r\n` +
        sent,
    );
  }
  const response = await wire.response();
  if (status(response) !== 200) throw new Error(`${response.start}: ${response.body}`);
  if (response.body !== (kind === "post" ? sha256(sent) : sent)) throw new Error("a wrong answer");
  return field(response, "connection")?.toLowerCase() === "close";
}
