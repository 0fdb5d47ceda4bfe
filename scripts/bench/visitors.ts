/**
 * Visitors the bench plays itself, on raw connections: one that asks once and leaves, with the time to its first
 * byte, and a crowd that asks once and stays.
 * @module
 */
import { pause } from "./process.ts";

/** The token is for arps; every peer gets the same bytes. */
export const PATH = "/?token=bench";

/** How many of a crowd come at the same time. */
const ABREAST = 32;
/** Longest wait of visitors that leave, and of a crowd that gathers. */
const PATIENCE_MS = 15_000;
const CROWD_PATIENCE_MS = 60_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const REQUEST = encoder.encode(
  `GET ${PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n`,
);

/** Sends one keep-alive request and reads the whole answer; gives the time its first byte came. */
export async function ask(conn: Deno.Conn): Promise<number> {
  await conn.write(REQUEST);
  const buffer = new Uint8Array(4096);
  let text = "";
  let first = 0;
  while (!isWhole(text)) {
    const count = await conn.read(buffer);
    first ||= performance.now();
    if (count === null) throw new Error(`Cannot read an answer: closed after ${text.length} bytes`);
    text += decoder.decode(buffer.subarray(0, count));
  }
  if (!text.startsWith("HTTP/1.1 200")) {
    throw new Error(`Cannot use an answer: ${text.slice(0, text.indexOf("\r\n"))}`);
  }
  return first;
}

/** One new visitor: milliseconds from before it connects to the first byte of its answer. */
export async function visit(port: number, signal: AbortSignal): Promise<number> {
  using patience = new Patience(PATIENCE_MS, signal);
  return await visitWithin(port, patience);
}

/** New visitors at the same moment; how each fared. */
export async function visits(
  port: number,
  count: number,
  signal: AbortSignal,
): Promise<PromiseSettledResult<number>[]> {
  using patience = new Patience(PATIENCE_MS, signal);
  const all = Array.from({ length: count }, () => visitWithin(port, patience));
  const ends = await Promise.allSettled(all);
  signal.throwIfAborted();
  return ends;
}

async function visitWithin(port: number, patience: Patience): Promise<number> {
  const start = performance.now();
  using conn = await patience.connect(port);
  return await ask(conn) - start;
}

/** Visitors that have their answer and leave the connection open. */
export class Crowd implements Disposable {
  readonly #conns: Deno.Conn[] = [];

  /**
   * Opens `count` of them; when one fails, those before it are closed and the error is thrown.
   *
   * @param perSecond how many come in a second at most; as fast as they can be served by default.
   */
  static async open(
    port: number,
    count: number,
    signal: AbortSignal,
    perSecond: number = Infinity,
  ): Promise<Crowd> {
    using patience = new Patience(CROWD_PATIENCE_MS, signal);
    const crowd = new Crowd();
    const start = performance.now();
    let left = count;
    const one = async () => {
      while (left-- > 0) {
        const due = start + (count - left) / perSecond * 1000;
        if (due > performance.now()) await pause(due - performance.now(), signal);
        const conn = await patience.connect(port);
        crowd.#conns.push(conn);
        await ask(conn);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: ABREAST }, one));
    signal.throwIfAborted();
    const failed = ends.find((end) => end.status === "rejected");
    if (failed === undefined) return crowd;
    const opened = crowd.#conns.length;
    crowd[Symbol.dispose]();
    throw new Error(`Cannot open ${count} visitors: failed at ${opened}`, { cause: failed.reason });
  }

  [Symbol.dispose](): void {
    for (const conn of this.#conns.splice(0)) conn[Symbol.dispose]();
  }
}

/**
 * One deadline for all connections opened under it: a timer for each visitor would be a good part of what a burst
 * measures. When it is over, or the run is aborted, they are closed, which fails the reads that wait.
 */
class Patience implements Disposable {
  readonly #conns: Deno.Conn[] = [];
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  #over = false;
  readonly #end = () => {
    this.#over = true;
    for (const conn of this.#conns) conn[Symbol.dispose]();
  };

  constructor(ms: number, signal: AbortSignal) {
    signal.throwIfAborted();
    this.#signal = signal;
    this.#timer = setTimeout(this.#end, ms);
    signal.addEventListener("abort", this.#end, { once: true });
  }

  async connect(port: number): Promise<Deno.Conn> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#conns.push(conn);
    if (!this.#over) return conn;
    conn[Symbol.dispose]();
    throw new Error("Cannot connect: the time for it is over");
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#end);
  }
}

/** The bench's own service answers with a Content-Length, so a whole answer is easily told. */
function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, head))?.[1];
  return text.length >= head + 4 + Number(length ?? 0);
}
