/**
 * Raw peers of the two programs. They speak the protocol byte by byte, after recorded frames and not
 * by `common/`: a mistake there would otherwise be made on both sides and be seen on none.
 *
 * @module
 */

import { dial, PATIENCE_MS, type TestServer } from "./helpers.ts";
import { RawService } from "./services.ts";
import { answer, get, type Message, Wire } from "./http_wire.ts";

const encoder = new TextEncoder();

/** A frame: 4-byte big-endian length, JSON text. */
export function frame(json: string): Uint8Array<ArrayBuffer> {
  const body = encoder.encode(json);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** The JSON text of the next frame; null when the stream ended in front of it. */
export async function readFrame(wire: Wire): Promise<string | null> {
  let header: string;
  try {
    header = await wire.take(4);
  } catch (error) {
    if (error instanceof Deno.errors.UnexpectedEof) return null;
    throw error;
  }
  const length = [...header].reduce((sum, byte) => sum * 256 + byte.charCodeAt(0), 0);
  return await wire.take(length);
}

type Ports = Pick<TestServer, "controlPort" | "proxyPort">;

/** A client of generation 2 that does what the test says, and nothing on its own. */
export class RawClient implements Disposable {
  /** Capabilities that the server sent and nobody used yet, the oldest first. */
  readonly asks: string[] = [];
  #pings = 0;

  private constructor(
    private readonly server: Ports,
    readonly id: string,
    readonly control: Wire,
    /** The server's answer to the registration. */
    readonly answer: { success: boolean; error: string | null },
  ) {}

  /** Registers, by default as generation 2. */
  static async register(
    server: Ports,
    id: string,
    fields: Record<string, unknown> = { version: 2 },
  ): Promise<RawClient> {
    const control = await Wire.dial(server.controlPort);
    await control.send(frame(JSON.stringify({ Register: { client_id: id, ...fields } })));
    const json = await readFrame(control);
    if (json === null) throw new Error("the server hung up instead of an answer");
    return new RawClient(server, id, control, JSON.parse(json).RegisterResult);
  }

  /** Reads a command; one that asks for a tunnel also goes to {@link RawClient.asks}. */
  async command(): Promise<Record<string, Record<string, unknown>> | null> {
    const json = await readFrame(this.control);
    if (json === null) return null;
    const command = JSON.parse(json);
    const capability = command.RequestNewProxyConn?.proxy_conn_id;
    if (capability !== undefined) this.asks.push(capability);
    return command;
  }

  /** Reads until there are `count` unused capabilities. */
  async asked(count: number): Promise<void> {
    while (this.asks.length < count) {
      if (await this.command() === null) throw new Error("the server ended the link");
    }
  }

  /** Reads all that the server had to say until now: it answers a ping in turn. */
  async settled(): Promise<void> {
    const t = ++this.#pings;
    await this.control.send(frame(JSON.stringify({ Ping: { t } })));
    for (;;) {
      const command = await this.command();
      if (command === null) throw new Error("the server ended the link");
      if (command.Pong?.t === t) return;
    }
  }

  /** Opens a tunnel, with the oldest unused capability unless told otherwise. */
  async open(capability: string | undefined = this.asks.shift(), id = this.id): Promise<Wire> {
    if (capability === undefined) throw new Error("the server asked for no tunnel");
    const tunnel = await Wire.dial(this.server.proxyPort);
    const hello = { proxy_conn_id: capability, client_id: id };
    await tunnel.send(frame(JSON.stringify({ NewProxyConn: hello })));
    return tunnel;
  }

  [Symbol.dispose](): void {
    this.control[Symbol.dispose]();
  }
}

/** Serves the one visitor that a tunnel gets, with a small answer; resolves with its request. */
export async function serveOnce(tunnel: Wire, body = "hello"): Promise<Message> {
  const json = await readFrame(tunnel);
  if (json === null || JSON.parse(json).StartProxy === undefined) {
    throw new Error(`StartProxy expected, got ${json}`);
  }
  await tunnel.send(frame(`{"ProxyStarted":{"success":true}}`));
  const request = await tunnel.request();
  await tunnel.send(answer(body, "Connection: close"));
  tunnel[Symbol.dispose]();
  return request;
}

/** A visitor in the middle of an answer, whose client has ended its link but not the tunnel. */
export class LeftBehind implements Disposable {
  private constructor(private readonly visitor: Wire, private readonly tunnel: Wire) {}

  /** Has a client serve a visitor, and then end its link. */
  static async by(client: RawClient, publicPort: number): Promise<LeftBehind> {
    await client.asked(1);
    const tunnel = await client.open();
    const visitor = await Wire.dial(publicPort);
    await visitor.send(get(`/?token=${client.id}`));
    await readFrame(tunnel);
    await tunnel.send(frame(`{"ProxyStarted":{"success":true}}`));
    await tunnel.request();
    await tunnel.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    await visitor.until("\r\n\r\n");
    client[Symbol.dispose]();
    return new LeftBehind(visitor, tunnel);
  }

  /** It gets what its client sends. */
  async goesOn(): Promise<boolean> {
    await this.tunnel.send("more");
    return await this.visitor.take(4) === "more";
  }

  /** It gets nothing more, and its connection ends. */
  async ends(): Promise<boolean> {
    return await this.visitor.last() === "";
  }

  [Symbol.dispose](): void {
    this.visitor[Symbol.dispose]();
    this.tunnel[Symbol.dispose]();
  }
}

/** One request on a connection of its own; `target` carries the token. */
export async function visit(port: number, target: string, ...lines: string[]): Promise<Message> {
  using wire = await Wire.dial(port);
  await wire.send(get(target, "Connection: close", ...lines));
  return await wire.response();
}

const HALF = 200_000;
/** The first half of a download, and the second. */
const HALVES = ["first half ", "second half "].map((text) => text.repeat(HALF / text.length));

/**
 * A service with a page at every path, and with `/download`, which sends its first half at once and
 * its second when the test says so.
 */
export class HeldService extends RawService {
  /** Lets downloads go on to their end. */
  readonly release: () => void;

  /** @param port 0 for one of the system's choice. */
  constructor(port = 0) {
    const gate = Promise.withResolvers<void>();
    super(async (wire) => {
      for (;;) {
        const { start } = await wire.request();
        if (!start.startsWith("GET /download")) {
          await wire.send(answer("hello"));
          continue;
        }
        const whole = answer(HALVES.join(""), "Connection: close");
        const rest = whole.slice(-HALVES[1]!.length);
        await wire.send(whole.slice(0, -rest.length));
        await gate.promise;
        await wire.send(rest);
        return;
      }
    }, port);
    this.release = gate.resolve;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await super[Symbol.asyncDispose]();
  }
}

/** A visitor in the middle of {@link HeldService}'s download. */
export class Download implements Disposable {
  private constructor(private readonly wire: Wire) {}

  /** Asks for it, and waits for its first half. */
  static async begin(publicPort: number, token: string): Promise<Download> {
    const wire = await Wire.dial(publicPort);
    await wire.send(get(`/download?token=${token}`));
    await wire.until("\r\n\r\n");
    if (await wire.take(HALVES[0]!.length) !== HALVES[0]) throw new Error("a broken download");
    return new Download(wire);
  }

  /** Whether all the rest came, byte for byte, and then the end of the stream. */
  async finishes(): Promise<boolean> {
    return await this.wire.last() === HALVES[1];
  }

  [Symbol.dispose](): void {
    this.wire[Symbol.dispose]();
  }
}

/** Whether nothing listens on a port any more. */
export async function isRefused(port: number): Promise<boolean> {
  try {
    (await dial(port)).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

/** Tries until `done` says so; for what a program does not tell of. */
export async function eventually(
  what: string,
  done: () => boolean | Promise<boolean>,
  ms: number = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!await done()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Answers of 200 from a client's service, tried until it is reached. */
export async function served(port: number, token: string, ms: number = PATIENCE_MS): Promise<void> {
  await eventually(
    `a visitor of ${token} served`,
    async () => (await visit(port, `/?token=${token}`)).start === "HTTP/1.1 200 OK",
    ms,
  );
}
