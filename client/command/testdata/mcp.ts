/**
 * The MCP server on loopback, and the SDK's own client.
 *
 * @module
 */

// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { App } from "../app.ts";

/** An app on a port of loopback. */
export class Served implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #end = new AbortController();
  readonly #clients: Client[] = [];
  /** What clients fetch: the SDK does not wait for the end of its streams of notifications. */
  readonly #fetching = new Set<Promise<unknown>>();

  constructor(app: App) {
    const { signal } = this.#end;
    const options = { hostname: "127.0.0.1", port: 0, signal, onListen() {} };
    this.#server = Deno.serve(options, (request) => app.fetch(request));
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** A client that has introduced itself. */
  async client(
    query = "",
    headers: Record<string, string> = {},
  ): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
    const client = new Client({ name: "test", version: "1" });
    const url = new URL(`/mcp${query}`, this.url);
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers },
      fetch: (url, init) => this.#fetch(url, init),
    });
    await client.connect(transport as Parameters<Client["connect"]>[0]);
    this.#clients.push(client);
    return { client, transport };
  }

  async #fetch(url: string | URL, init?: RequestInit): Promise<Response> {
    const asked = fetch(url, init);
    this.#fetching.add(asked.catch(() => {}));
    const response = await asked;
    if (response.body === null) return response;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const piped = response.body.pipeTo(writable, { signal: this.#end.signal });
    this.#fetching.add(piped.catch(() => {}));
    return new Response(readable, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    this.#end.abort();
    await Promise.all(this.#fetching);
    await this.#server.finished;
  }
}
