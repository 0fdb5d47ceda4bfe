/**
 * A model's API without a model, on loopback: what the real CLIs talk to in tests, so that these need
 * neither an account nor the network. `plan.ts` says how a prompt tells it what to answer.
 *
 * It speaks the four protocols that CLIs use, at any base path, and is as strict as the real services
 * are: a conversation that they would refuse gets a 400, and fails the test that caused it.
 *
 * @module
 */

import { PATIENCE_MS, within } from "../patience.ts";
import { answer, type Journal, type ModelRequest } from "./answer.ts";

export type { ModelRequest } from "./answer.ts";
export { chunk, DONE, HELLO } from "./plan.ts";

/** Which request is meant. */
export type Fits = (request: ModelRequest) => boolean;

/** A running stub; disposing ends it, and fails when it had to refuse a request. */
export class Model implements AsyncDisposable {
  /** Every request that it understood, in order. */
  readonly requests: ModelRequest[] = [];
  /** What was wrong with those that it did not; a test that wants some empties it. */
  readonly refused: string[] = [];
  #waiting = new Set<() => void>();
  #closing = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr>;

  /**
   * @param port to listen on; 0 lets the system choose.
   * @param asked is told of each request.
   */
  constructor(port = 0, asked: (request: ModelRequest) => void = () => {}) {
    let count = 0;
    const journal: Journal = {
      asked: (request) => {
        this.requests.push(request);
        asked(request);
        this.#wake();
      },
      left: (request) => {
        request.aborted = true;
        this.#wake();
      },
      refused: (why) => this.refused.push(why),
      id: (prefix) => `${prefix}_stub${String(++count).padStart(6, "0")}`,
      closing: this.#closing.signal,
    };
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, signal: this.#closing.signal, onListen: () => {} },
      (request) => answer(request, journal),
    );
  }

  /** The port it listens on. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The first request that fits, from the one with index `from` on, as soon as it is there. */
  request(fits: Fits = () => true, from = 0): Promise<ModelRequest> {
    return this.#first("a request to the model", fits, from);
  }

  /** The same, but as soon as its client has left before the answer was whole. */
  aborted(fits: Fits = () => true, from = 0): Promise<ModelRequest> {
    return this.#first(
      "the early end of a request to the model",
      (request) => request.aborted && fits(request),
      from,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#server.finished;
    if (this.refused.length > 0) throw new Error(`The model refused: ${this.refused.join("; ")}`);
  }

  async #first(what: string, fits: Fits, from: number): Promise<ModelRequest> {
    let look = () => {};
    const found = new Promise<ModelRequest>((resolve) => {
      look = () => {
        const one = this.requests.slice(from).find(fits);
        if (one !== undefined) resolve(one);
      };
    });
    this.#waiting.add(look);
    look();
    try {
      return await within(PATIENCE_MS, what, found);
    } catch (cause) {
      const seen = this.requests.map(({ path, prompt }) => `${path} ${prompt.slice(-80)}`);
      throw new Error(`It was asked: ${seen.join("; ") || "nothing"}`, { cause });
    } finally {
      this.#waiting.delete(look);
    }
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}

/** Starts a stub. */
export function startModel(): Model {
  return new Model();
}
