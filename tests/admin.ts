/**
 * The admin port of a server under test.
 *
 * @module
 */

import { PATIENCE_MS, type TestServer } from "./helpers.ts";
import { readEvents, type ServerEvent } from "./sse.ts";

/** Requests to the admin port, and all that it ever answered. */
export class Admin {
  /** What was answered, heads included, for tests that look for secrets. */
  readonly said: string[] = [];

  private constructor(readonly url: string, private readonly key: string | undefined) {}

  /** The admin port of a server that is up. */
  static of(server: TestServer, key?: string): Admin {
    const ready = server.logs.find(({ message }) => message === "Server ready");
    return new Admin(String(ready?.properties.admin), key);
  }

  /** Asks, with the key if there is one. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.key !== undefined && !headers.has("authorization")) {
      headers.set("authorization", `Bearer ${this.key}`);
    }
    const signal = init.signal ?? AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(this.url + path, { ...init, headers, signal });
    this.said.push(JSON.stringify([...response.headers]));
    return response;
  }

  /** The status of an answer; the rest of it is not looked at. */
  async status(path: string, init: RequestInit = {}): Promise<number> {
    const response = await this.fetch(path, init);
    await response.body?.cancel();
    return response.status;
  }

  /** The body of an answer of 200. */
  async text(path: string): Promise<string> {
    const response = await this.fetch(path);
    const text = await response.text();
    this.said.push(text);
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }

  /** The same, as JSON. */
  // deno-lint-ignore no-explicit-any -- tests look at what they expect
  async json(path: string): Promise<any> {
    return JSON.parse(await this.text(path));
  }

  /** Sends JSON. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}) {
    const response = await this.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    this.said.push(text);
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  /** All samples of the metrics, such as `arps_clients` or `arps_visitors{protocol="http"}`. */
  async metrics(): Promise<Map<string, number>> {
    const lines = (await this.text("/metrics")).split("\n").filter((line) => /^[a-z]/.test(line));
    return new Map(lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }));
  }

  /** One sample; 0 when there is none. */
  async metric(name: string): Promise<number> {
    return (await this.metrics()).get(name) ?? 0;
  }

  /** Watches from now on. */
  async watch(): Promise<Watch> {
    const { signal } = new AbortController();
    const { body } = await this.fetch("/api/events", { signal });
    return new Watch(body!, this.said);
  }
}

/** A stream of events. */
export class Watch implements AsyncDisposable {
  #events: AsyncGenerator<ServerEvent>;

  constructor(
    private readonly body: ReadableStream<Uint8Array<ArrayBuffer>>,
    private readonly said: string[],
  ) {
    this.#events = readEvents(body);
  }

  /** The data of the next event of that name that fits. */
  // deno-lint-ignore no-explicit-any -- tests look at what they expect
  async next(name: string, fits: (data: any) => boolean = () => true): Promise<any> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const { value, done } = await this.#events.next();
      if (done) throw new Error(`the stream ended in front of ${name}`);
      this.said.push(value.data);
      const data = value.event === name ? JSON.parse(value.data) : undefined;
      if (data !== undefined && fits(data)) return data;
    }
    throw new Error(`the awaited ${name} did not come`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.return(undefined);
    if (!this.body.locked) await this.body.cancel();
  }
}
