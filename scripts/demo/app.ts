/**
 * The sample app of the demo: a page, a live event stream, a WebSocket echo and an upload. It knows
 * nothing of ARP; that is the point of it.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** How often the event stream has something to say, in milliseconds. */
const TICK_MS = 1000;

/** The files of the page and their types. */
const SITE: Readonly<Record<string, { file: string; type: string }>> = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/style.css": { file: "style.css", type: "text/css; charset=utf-8" },
  "/app.js": { file: "app.js", type: "text/javascript; charset=utf-8" },
  "/icon.svg": { file: "icon.svg", type: "image/svg+xml" },
};

/** A running sample app; disposing ends it with all its streams. */
export class SampleApp implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #streams = new Set<() => void>();
  #requests = 0;
  #ending = false;

  /** @param port taken if it is free, else one of the system's choice. */
  constructor(port: number) {
    this.#server = listen(port, (request) => this.#answer(request));
  }

  /** Where it listens. */
  get address(): Deno.NetAddr {
    return this.#server.addr;
  }

  /** Ends everything that would go on for ever. */
  endStreams(): void {
    this.#ending = true;
    for (const end of this.#streams) end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endStreams();
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    if (this.#ending) return new Response("The demo ends\n", { status: 503 });
    this.#requests++;
    const { pathname } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "GET /events":
        return this.#events(request);
      case "GET /echo":
        return this.#echo(request);
      case "POST /upload":
        return await receive(request);
    }
    const entry = SITE[pathname];
    if (entry === undefined || (request.method !== "GET" && request.method !== "HEAD")) {
      return new Response("Not found\n", { status: 404 });
    }
    const url = new URL(`site/${entry.file}`, import.meta.url);
    return new Response(await Deno.readFile(url), {
      headers: { "Content-Type": entry.type, "Cache-Control": "no-cache" },
    });
  }

  /** Once a second: the time, how many look at the page, how many requests there were. */
  #events(request: Request): Response {
    let timer: ReturnType<typeof setInterval> | undefined;
    let end = () => {};
    const body = new ReadableStream<string>({
      start: (controller) => {
        const visitor = request.headers.get("x-forwarded-for") ?? "unknown";
        const tick = () => {
          const { port } = this.address;
          const news = {
            now: Date.now(),
            pages: this.#streams.size,
            requests: this.#requests,
            visitor,
            port,
          };
          controller.enqueue(`data: ${JSON.stringify(news)}\n\n`);
        };
        end = () => {
          clearInterval(timer);
          this.#streams.delete(end);
          try {
            controller.close();
          } catch { /* the page left first */ }
        };
        this.#streams.add(end);
        timer = setInterval(tick, TICK_MS);
        tick();
      },
      cancel: () => end(),
    });
    return new Response(body.pipeThrough(new TextEncoderStream()), {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
    });
  }

  /** Says back what it hears. */
  #echo(request: Request): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response("A WebSocket lives here\n", {
        status: 426,
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    const end = () => socket.close(1001, "The demo ends");
    socket.addEventListener("open", () => this.#streams.add(end));
    socket.addEventListener("message", ({ data }) => socket.send(data));
    socket.addEventListener("close", () => this.#streams.delete(end));
    return response;
  }
}

/** Takes a body as it comes, keeps none of it, and answers with its size and SHA-256. */
async function receive(request: Request): Promise<Response> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of request.body ?? []) {
    hash.update(piece);
    bytes += piece.length;
  }
  return Response.json({ bytes, sha256: hash.digest("hex") });
}

function listen(
  port: number,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", onListen: () => {} };
  try {
    return Deno.serve({ ...options, port }, handler);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return Deno.serve({ ...options, port: 0 }, handler);
  }
}
