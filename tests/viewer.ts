/**
 * Somebody who watches a session through the public port.
 *
 * @module
 */

import { deepEqual, ok } from "node:assert/strict";
import { CLI_PATIENCE_MS } from "./clis.ts";
import { within } from "./patience.ts";
import { readEvents, type ServerEvent } from "./sse.ts";

// deno-lint-ignore no-explicit-any -- lines of many CLIs, which tests look deep into
export type Json = any;

/** A line of a session, as it came. */
export interface Seen {
  /** Its number, counted from 1, and the log it belongs to. Parts of a line have the next id. */
  n: number;
  epoch: string;
  /** `message`, `session_update` or `reset`. */
  event: string;
  text: string;
  /** The text as JSON; undefined when it is none. */
  data: Json;
}

/** Opens the stream, behind the event with this id if there is one. */
export type Open = (lastId: string | undefined, signal: AbortSignal) => Promise<Response>;

/** Before a persistent viewer comes back, in milliseconds. */
const BACK_MS = 50;

/** A viewer of one session; disposing makes it leave. */
export class Viewer implements AsyncDisposable {
  /** Everything it has seen. */
  readonly seen: Seen[] = [];
  /** The id of the last event, as `Last-Event-ID` wants it. */
  lastId: string | undefined;
  /** Comments that came, such as heartbeats. */
  comments = 0;
  /** How often the stream was opened. */
  visits = 0;
  /** The id of the session, from the answer's head. */
  session = "";
  readonly #open: Open;
  readonly #persistent: boolean;
  readonly #waiting = new Set<() => void>();
  readonly #leaving = new AbortController();
  readonly #reading: Promise<void>;
  #visit = new AbortController();
  // The runtime forgets to end one by its signal that nobody holds any more.
  #response: Response | undefined;
  #over = false;
  #fault: unknown;

  /**
   * @param options.persistent comes back whenever it is cut off, as a browser does.
   * @param options.lastId what it saw last in an earlier life.
   */
  constructor(
    open: Open,
    { persistent = false, lastId }: { persistent?: boolean; lastId?: string } = {},
  ) {
    this.#open = open;
    this.#persistent = persistent;
    this.lastId = lastId;
    this.#reading = this.#read().catch((error) => this.#fault = error).then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  /**
   * The first of what it saw that fits, from the one with index `from` on, as soon as it is there.
   *
   * @throws when the stream ends without it.
   */
  async next(fits: (seen: Seen) => boolean, from = 0): Promise<Seen> {
    const found = Promise.withResolvers<Seen>();
    const look = () => {
      const one = this.seen.slice(from).find(fits);
      if (one !== undefined) found.resolve(one);
      else if (this.#over) found.reject(this.#fault ?? new Error("the stream ended"));
    };
    this.#waiting.add(look);
    look();
    try {
      return await within(CLI_PATIENCE_MS, "a line of the session", found.promise);
    } catch (cause) {
      const last = this.seen.slice(-10).map(({ n, text }) => `${n} ${text.slice(0, 300)}`);
      throw new Error(`what was awaited did not come; seen last:\n${last.join("\n")}`, { cause });
    } finally {
      this.#waiting.delete(look);
    }
  }

  /** The end of a turn: `arpc`'s own line. */
  async completion(turn = 1): Promise<Json> {
    const own = ({ data }: Seen) => data?.type === "completion" && data.turn === turn;
    return (await this.next(own)).data;
  }

  /** The question number `n`, counted from 0, once it has come. */
  async question(n = 0): Promise<Json> {
    const asked = ({ data }: Seen) => data?.type === "permission_request";
    await this.next((one) => asked(one) && this.seen.filter(asked).length > n);
    return this.seen.filter(asked)[n]!.data.permission;
  }

  /** Fails unless it saw every line from `first` to the last one it saw, of one log. */
  gapless(first = 1): void {
    const numbers = [...new Set(this.seen.map(({ n }) => n))];
    deepEqual(numbers, numbers.map((_, i) => first + i));
    ok(new Set(this.seen.map(({ epoch }) => epoch)).size <= 1, "the log is another one");
  }

  /** Cuts the connection, as a bad network does. */
  cut(): void {
    this.#visit.abort();
  }

  /** Resolves when the stream has ended as it should: behind the last line. */
  async ended(): Promise<void> {
    await within(CLI_PATIENCE_MS, "the end of the stream", this.#reading);
    if (this.#fault !== undefined) throw this.#fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    this.#visit.abort();
    await this.#reading;
  }

  async #read(): Promise<void> {
    while (!this.#leaving.signal.aborted) {
      this.#visit = new AbortController();
      this.visits++;
      try {
        const response = await this.#open(this.lastId, this.#visit.signal);
        if (response.status < 500) return await this.#readAll(response);
        await response.body?.cancel();
        if (!this.#persistent) throw new Error(`the stream was answered with ${response.status}`);
      } catch (error) {
        if (error instanceof Broken || !this.#persistent) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, BACK_MS));
    }
  }

  async #readAll(response: Response): Promise<void> {
    this.#response = response;
    const type = response.headers.get("content-type");
    if (!response.ok || type !== "text/event-stream") {
      throw new Broken(`${response.status} ${type}: ${await response.text()}`);
    }
    this.session = response.headers.get("x-session-id") ?? this.session;
    for await (const event of readEvents(this.#response.body!)) this.#take(event);
  }

  #take({ event, data: text, id, comment }: ServerEvent): void {
    if (comment !== undefined) this.comments++;
    if (text === "") return;
    const before = numberOf(this.lastId);
    if (id !== undefined) this.lastId = id;
    const n = id === undefined ? before + 1 : numberOf(id);
    if (n <= before && event !== "reset") throw new Broken(`line ${n} came again`);
    const epoch = this.lastId?.split(":")[0] ?? "";
    this.seen.push({ n, epoch, event, text, data: parse(text) });
    this.#wake();
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }
}

/** What no second visit makes better. */
class Broken extends Error {}

function numberOf(id: string | undefined): number {
  return id === undefined ? 0 : Number(id.split(":")[1]);
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
