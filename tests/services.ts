/**
 * Small local services for `arpc` to expose, all on ports of the system's choice, and a site of
 * them behind one server.
 *
 * @module
 */

import { isDisconnect } from "@agentx/common";
import { createHash, type Hash } from "node:crypto";
import { type Program, startClient, startServer, type TestServer } from "./helpers.ts";
import { answer, type Message, Wire } from "./http_wire.ts";

/** An HTTP service of the platform. */
export function httpService(
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
}

/** A service that deals with each connection by hand. */
export class RawService implements AsyncDisposable {
  /** Connections so far. */
  connections = 0;
  #listener: Deno.TcpListener;
  #tasks = new Set<Promise<void>>();
  #wires = new Set<Wire>();
  #failure: unknown;

  /**
   * @param handle serves one connection, which is closed when it returns.
   * @param port of the service; 0 lets the system choose.
   */
  constructor(handle: (wire: Wire, nth: number) => Promise<void>, port = 0) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#track(this.#accept(handle));
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(handle: (wire: Wire, nth: number) => Promise<void>): Promise<void> {
    for await (const conn of this.#listener) {
      conn.setNoDelay(true);
      const wire = new Wire(conn);
      this.#wires.add(wire);
      this.#track(
        handle(wire, ++this.connections).finally(() => {
          wire[Symbol.dispose]();
          this.#wires.delete(wire);
        }),
      );
    }
  }

  #track(task: Promise<void>): void {
    const quiet = task.catch((error) => {
      // A visitor that leaves is no fault of the service; anything else fails the test.
      if (!isDisconnect(error)) this.#failure ??= error;
    }).finally(() => this.#tasks.delete(quiet));
    this.#tasks.add(quiet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const wire of this.#wires) wire[Symbol.dispose]();
    await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** An HTTP service that keeps the requests as they came, and answers with its name. */
export class Recorder extends RawService {
  /** What came, in order. */
  readonly requests: Message[];

  constructor(readonly name: string) {
    const requests: Message[] = [];
    super(async (wire) => {
      for (;;) {
        const request = await wire.request();
        requests.push(request);
        const [method, target] = request.start.split(" ");
        const whole = answer(`${name} ${method} ${target}`);
        const size = whole.indexOf("\r\n\r\n") + 4;
        await wire.send(method === "HEAD" ? whole.slice(0, size) : whole);
      }
    });
    this.requests = requests;
  }

  /** The newest request. */
  get last(): Message {
    const last = this.requests.at(-1);
    if (last === undefined) throw new Error("no request came");
    return last;
  }
}

/** A raw service that says all it hears. */
export function echo(): RawService {
  return new RawService(async (wire) => {
    for await (const piece of wire.pieces()) await wire.send(piece);
    await wire.finish();
  });
}

/** A server, and clients by their ids. */
export class Site implements AsyncDisposable {
  private constructor(readonly server: TestServer, readonly clients: Record<string, Program>) {}

  /**
   * @param ports client id to port of its local service.
   * @param flags of the server.
   */
  static async start(ports: Record<string, number>, flags: readonly string[] = []): Promise<Site> {
    const server = await startServer(flags);
    const site = new Site(server, {});
    try {
      const started = Object.entries(ports).map(async ([id, port]) => {
        // These services count their connections.
        const flags = ["--service", "none"];
        site.clients[id] = await startClient({ server, id, port, flags });
      });
      const failed = (await Promise.allSettled(started)).find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The public port. */
  get port(): number {
    return this.server.publicPort;
  }

  /** `http://127.0.0.1:PORT` of the public port. */
  get url(): string {
    return this.server.url;
  }

  /** A connection to the public port. */
  visit(): Promise<Wire> {
    return Wire.dial(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of Object.values(this.clients)) await program[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/**
 * Runs the steps of a test that share one site. Children of the test read and write between steps,
 * which the checks of single steps would take for leaks; those of the test as a whole stay on.
 */
export function stepsOf(
  t: Deno.TestContext,
): (name: string, fn: () => void | Promise<void>) => Promise<void> {
  return async (name, fn) => {
    await t.step({ name, fn, sanitizeOps: false, sanitizeResources: false });
  };
}

/** Size of a {@link blocks} block in bytes. */
export const BLOCK_BYTES = 1024 * 1024;

/** Blocks of noise, no two alike, so that a lost, doubled or swapped one is noticed. */
export function* blocks(count: number): Generator<Uint8Array<ArrayBuffer>> {
  const noise = new Uint8Array(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 65536) {
    crypto.getRandomValues(noise.subarray(at, at + 65536));
  }
  for (let nth = 0; nth < count; nth++) {
    const block = noise.slice();
    new DataView(block.buffer).setUint32(0, nth);
    yield block;
  }
}

/** A stream of {@link blocks}, which go into `hash` as they leave. */
export function stream(count: number, hash: Hash): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = blocks(count);
  return new ReadableStream({
    pull(controller) {
      const { value, done } = source.next();
      if (done) return controller.close();
      hash.update(value);
      controller.enqueue(value);
    },
  }, { highWaterMark: 1 });
}

/** SHA-256 and length of all that comes, such as `3f… of 5 bytes`. */
export async function digest(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string> {
  const hash = sha256();
  let bytes = 0;
  for await (const piece of source) {
    hash.update(piece);
    bytes += piece.length;
  }
  return `${hash.digest("hex")} of ${bytes} bytes`;
}

/** An empty SHA-256. */
export function sha256(): Hash {
  return createHash("sha256");
}
