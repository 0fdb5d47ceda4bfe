/**
 * The clients of the MCP server: each has a session of the protocol, by which it may cancel what it
 * has asked for.
 *
 * @see {@link https://modelcontextprotocol.io/specification/2025-11-25/basic/transports | MCP: Transports}
 * @module
 */

import type { Caller } from "./context.ts";
import { type McpServer, WebStandardStreamableHTTPServerTransport } from "./sdk.ts";

/** Clients at a time. */
const MAX_CLIENTS = 64;
/** How long one is remembered that neither asks nor listens, in milliseconds. */
const IDLE_MS = 30 * 60_000;

/** One client. */
interface Client {
  transport: WebStandardStreamableHTTPServerTransport;
  /** Aborted when it is forgotten. */
  forgotten: AbortController;
  /** Answers and streams that are not at their end. */
  open: number;
  /** When the last of them ended. */
  idleSince: number;
}

/** Serves MCP over HTTP. */
export class McpClients {
  readonly #clients = new Map<string, Client>();

  /**
   * @param create makes the server of a new client.
   * @param maxBody bytes of a request.
   * @param now milliseconds of some clock, for tests.
   */
  constructor(
    private readonly create: () => McpServer,
    private readonly maxBody: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** How many there are. */
  get size(): number {
    return this.#clients.size;
  }

  /** Answers a request to the endpoint. */
  async handle(request: Request): Promise<Response> {
    this.#sweep();
    const id = request.headers.get("mcp-session-id");
    const known = id === null ? undefined : this.#clients.get(id);
    if (known !== undefined) return await this.#answer(known, request);
    // To a client that is not known any more this says that it has to introduce itself again.
    if (id !== null) return refuse(404, -32001, "Session not found");
    if (this.#full()) return refuse(503, -32000, `${MAX_CLIENTS} clients are there already`);
    const client = await this.#introduce();
    const response = await this.#answer(client, request);
    // Whatever else it was, it was no introduction.
    if (client.transport.sessionId === undefined) await client.transport.close();
    return response;
  }

  async #introduce(): Promise<Client> {
    const client: Client = {
      transport: new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => void this.#clients.set(id, client),
        maxRequestBodySize: this.maxBody,
      }),
      forgotten: new AbortController(),
      open: 0,
      idleSince: this.now(),
    };
    const server = this.create();
    await server.connect(client.transport);
    const closed = client.transport.onclose;
    client.transport.onclose = () => {
      client.forgotten.abort();
      const { sessionId } = client.transport;
      if (sessionId !== undefined) this.#clients.delete(sessionId);
      closed?.();
    };
    return client;
  }

  async #answer(client: Client, request: Request): Promise<Response> {
    const gone = new AbortController();
    const caller: Caller = { gone: gone.signal, forgotten: client.forgotten.signal };
    client.open++;
    const ended = () => {
      client.open--;
      client.idleSince = this.now();
    };
    try {
      const authInfo = { token: "", clientId: "", scopes: [], extra: { caller } };
      const response = await client.transport.handleRequest(request, { authInfo });
      if (response.body === null) {
        ended();
        return response;
      }
      const body = watched(response.body, ended, () => gone.abort());
      return new Response(body, response);
    } catch (error) {
      ended();
      throw error;
    }
  }

  #sweep(): void {
    for (const { transport, open, idleSince } of [...this.#clients.values()]) {
      if (open === 0 && this.now() - idleSince > IDLE_MS) void transport.close();
    }
  }

  /** Whether there is no room, after the one that was idle longest has gone. */
  #full(): boolean {
    if (this.#clients.size < MAX_CLIENTS) return false;
    const [idlest] = [...this.#clients.values()].filter(({ open }) => open === 0)
      .sort((a, b) => a.idleSince - b.idleSince);
    void idlest?.transport.close();
    return idlest === undefined;
  }
}

/** The same body, with word of its end and of a reader who leaves before it. */
function watched(
  body: ReadableStream<Uint8Array>,
  ended: () => void,
  left: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let open = true;
  const end = () => {
    if (open) ended();
    open = false;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      } catch (error) {
        end();
        controller.error(error);
      }
    },
    async cancel(why) {
      end();
      left();
      await reader.cancel(why);
    },
  }, { highWaterMark: 0 });
}

/** An error as the protocol has it. */
function refuse(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}
