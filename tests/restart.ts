/**
 * Restarts of `arps` under load: another one takes the ports, then the first is told to stop.
 *
 * As a program it prints what came of it, for a test that runs it in a network of its own.
 *
 * @module
 */

import { Crowd, CrowdService, type Failure } from "./crowd.ts";
import { PATIENCE_MS, type Program, startClient, startServer, within } from "./helpers.ts";
import { get, Wire } from "./http_wire.ts";
import { freePort } from "./ports.ts";

/** The three ports of a server that is to have a successor. */
export function sharedPorts(): string[] {
  const ports = ["--control-port", "--proxy-port", "--public-port"]
    .flatMap((flag) => [flag, String(freePort())]);
  return [...ports, "--reuse-port"];
}

/** What one restart came to. */
export interface Restart {
  /** Exit code of the server that was told to stop. */
  code: number;
  /** From that until all clients were registered with the other, in milliseconds. */
  moved: number;
  /** Requests that were not answered. */
  failures: Failure[];
  /** Whether a download that was under way came whole, and a WebSocket said all it should. */
  download: boolean;
  socket: boolean;
  /** What the clients complained of. */
  warnings: string[];
}

/** What {@link restartUnderLoad} found. */
export interface Report {
  restarts: Restart[];
  served: number;
  /** What the clients printed, which they should but once. */
  banners: string[];
}

const IDS = ["one", "two"];
const CROWD = { kept: 20, new: 15, post: 15 };
const PIECES = 6;

/** Restarts a server again and again, while {@link Crowd} visits two clients. */
export async function restartUnderLoad(times: number): Promise<Report> {
  // A slow machine takes longer over a drain than visitors are usually given.
  const flags = [...sharedPorts(), "--grace", "120"];
  await using service = new CrowdService();
  let server = await startServer(flags);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server[Symbol.asyncDispose]());
  const clients = await Promise.all(
    IDS.map((id) => startClient({ server, id, port: service.port })),
  );
  for (const client of clients) stack.use(client);
  const crowd = stack.use(new Crowd(server.publicPort, CROWD, IDS));
  const restarts: Restart[] = [];
  for (let nth = 0; nth < times; nth++) {
    await crowd.serves(100);
    const from = clients.map(({ logs }) => logs.length);
    const failed = crowd.failures.length;
    using download = await Download.begin(server.publicPort, service);
    using socket = await Echo.open(server.publicPort);
    const next = await startServer(flags);
    await crowd.serves(20);
    const since = performance.now();
    server.kill("SIGTERM");
    const registered = (client: Program, i: number) =>
      client.message("Registered", { from: from[i]! });
    await Promise.all(clients.map(registered));
    const moved = Math.round(performance.now() - since);
    await crowd.serves(100);
    const whole = [await download.finishes(), await socket.works()] as const;
    const { code } = await within(PATIENCE_MS, "the end of the server", server.status());
    await server[Symbol.asyncDispose]();
    server = next;
    await crowd.serves(100);
    restarts.push({
      code,
      moved,
      failures: crowd.failures.slice(failed),
      download: whole[0],
      socket: whole[1],
      warnings: clients.flatMap(({ logs }, i) => logs.slice(from[i]))
        .filter(({ level }) => !["DEBUG", "INFO"].includes(level))
        .map(({ message }) => message),
    });
  }
  return { restarts, served: crowd.served, banners: clients.map(({ stdout }) => stdout) };
}

/** A download that goes on for as long as the test wants. */
class Download implements Disposable {
  private constructor(private readonly wire: Wire, private readonly service: CrowdService) {}

  static async begin(port: number, service: CrowdService): Promise<Download> {
    const wire = await Wire.dial(port);
    await wire.send(get("/download?token=one"));
    await wire.until("\r\n\r\n");
    return new Download(wire, service);
  }

  /** Whether all that is sent from now on comes. */
  async finishes(): Promise<boolean> {
    let expected = "";
    for (let nth = 0; nth < PIECES; nth++) {
      const piece = `piece ${nth} `.repeat(5000);
      this.service.piece(piece);
      expected += piece;
      await this.wire.until(`piece ${nth} \r\n`);
    }
    this.service.piece();
    await this.wire.until("0\r\n\r\n");
    this[Symbol.dispose]();
    return expected.length > 0;
  }

  [Symbol.dispose](): void {
    this.wire[Symbol.dispose]();
  }
}

/** A WebSocket that is there before the restart. */
class Echo implements Disposable {
  private constructor(private readonly socket: WebSocket) {}

  static async open(port: number): Promise<Echo> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/echo?token=two`);
    await within(PATIENCE_MS, "a WebSocket", once(socket, "open"));
    const echo = new Echo(socket);
    await echo.#says("before");
    return echo;
  }

  /** Whether it still does; it then closes. */
  async works(): Promise<boolean> {
    for (let nth = 0; nth < 20; nth++) await this.#says(`message ${nth}`);
    const closed = once(this.socket, "close");
    this.socket.close();
    await within(PATIENCE_MS, "a closed WebSocket", closed);
    return true;
  }

  async #says(text: string): Promise<void> {
    const heard = once(this.socket, "message");
    this.socket.send(text);
    const { data } = await within(PATIENCE_MS, "an echo", heard) as MessageEvent;
    if (data !== text) throw new Error(`${text} expected, got ${data}`);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

function once(socket: WebSocket, event: "open" | "message" | "close"): Promise<Event> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(event, resolve, { once: true });
    if (event !== "close") {
      socket.addEventListener("error", () => reject(new Error(`no ${event}`)), { once: true });
    }
  });
}

if (import.meta.main) {
  const report = await restartUnderLoad(Number(Deno.args[0]));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(report)));
  Deno.exit(0);
}
