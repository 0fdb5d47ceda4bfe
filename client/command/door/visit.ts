/**
 * One connection to the door: request after request, each to where it belongs. A request waits until
 * the one before it has its answer, so that answers of two services never mix.
 *
 * @module
 */

import {
  type Address,
  closeQuietly,
  type Conn,
  getLogger,
  isDisconnect,
  linger,
  Peek,
  PlainDuplex,
  relay,
  writeAll,
} from "@agentx/common";
import {
  type Body,
  header,
  keepsAlive,
  Refusal,
  requestBody,
  type RequestHead,
} from "@agentx/common/http";
import { Problem } from "../problem.ts";
import { answer, moved } from "./answer.ts";
import { Exchange, type ExchangeEnd, type ExchangeTimes, type Outgoing } from "./exchange.ts";
import { forwardAnswer, forwardRequest } from "./forward.ts";
import { Heads, type HeadTimes } from "./heads.ts";
import type { ReachablePorts } from "./ports.ts";
import { reachInner, reachPort } from "./service.ts";
import { isForProxy, parseTarget, type Target } from "./target.ts";

const log = getLogger(["arpc", "door"]);

const SWITCHING = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
);

/** What all visits share. */
export interface VisitOptions {
  /** The API. */
  inner: Address;
  ports: ReachablePorts;
  /** Our API key, which services must not see. */
  apiKey: string | undefined;
  /**
   * Whether a request may pass to another port.
   *
   * @throws {Problem} when it may not.
   */
  authorize(method: string, headers: Headers): void;
  times: VisitTimes;
}

/** Times of a visit, in milliseconds. */
export interface VisitTimes extends HeadTimes, Omit<ExchangeTimes, "answer"> {
  /** For a local service to answer; the API takes the time it needs. */
  answer: number;
}

/** The life of one connection, which it owns. */
export class Visit {
  readonly #visitor: PlainDuplex;
  readonly #heads: Heads;
  readonly #end = new AbortController();
  #inner: PlainDuplex | undefined;
  #service: PlainDuplex | undefined;
  /** Whether nobody waits for an answer of the API. */
  #resting = false;

  constructor(private readonly conn: Conn, private readonly options: VisitOptions) {
    this.#visitor = new PlainDuplex(new Peek(conn));
    this.#heads = new Heads(this.#visitor.source, options.times);
  }

  /** Serves until either end has had enough. Never throws. */
  async run(): Promise<void> {
    try {
      let more = true;
      while (more) {
        const head = await this.#heads.next();
        more = head !== undefined && await this.#serve(head);
      }
    } catch (error) {
      if (error instanceof Refusal) await this.#leave(answer(error, undefined, false));
      else if (!isDisconnect(error) && !this.#end.signal.aborted) {
        log.error("A request failed", { error });
      }
    } finally {
      this.abort();
    }
  }

  /** Ends it now. */
  abort(): void {
    this.#end.abort();
    closeQuietly(this.conn);
    this.#inner?.close();
    this.#service?.close();
  }

  /** @returns whether another request may follow. */
  async #serve(head: RequestHead): Promise<boolean> {
    const body = requestBody(head);
    const { source } = this.#visitor;
    const end = head.size + body.take(source.bytes, head.size);
    try {
      if (isForProxy(head)) return await this.#proxy(head, body, end);
      return await this.#toInner(head, body, end);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Problem)) throw error;
      // After an answer that the request's body did not wait for, nothing else can be read.
      const keepAlive = error.status !== 400 && body.done && keepsAlive(head);
      if (keepAlive) source.consume(end);
      return await this.#say(answer(error, head, keepAlive), keepAlive);
    }
  }

  async #toInner(head: RequestHead, body: Body, end: number): Promise<boolean> {
    const { source } = this.#visitor;
    if (this.#inner === undefined) {
      this.#inner = await reachInner(this.options.inner, this.#end.signal);
      this.#end.signal.throwIfAborted();
    }
    const inner = this.#inner;
    this.#resting = false;
    // A view would not outlive the next read, which may come before the whole was written.
    const first = source.bytes.slice(0, end);
    source.consume(end);
    const kept = await this.#exchange(inner, undefined, { head, body, first, service: "The API" });
    if (kept) this.#rest(inner);
    return kept;
  }

  /** Keeps the API's connection for the next request, and notices when the API ends it. */
  #rest(inner: PlainDuplex): void {
    const gone = () => {
      if (!this.#resting || this.#inner !== inner) return;
      this.#inner = undefined;
      inner.close();
    };
    this.#resting = true;
    if (inner.source.size > 0) gone(); // bytes that nobody asked for
    else inner.source.fill().then(gone, gone);
  }

  async #proxy(head: RequestHead, body: Body, end: number): Promise<boolean> {
    const { options } = this;
    // No browser keeps a page from opening a WebSocket elsewhere, so it is judged like a POST; and so
    // is the question before a request, since here it would reach somebody else's service.
    const judged = header(head, "upgrade") !== undefined || head.method === "OPTIONS";
    options.authorize(judged ? "POST" : head.method, headersOf(head));
    if (header(head, "service-worker") !== undefined) {
      throw new Problem(403, "A service worker below /proxy would rule all pages of this origin");
    }
    const target = parseTarget(head);
    options.ports.check(target.port);
    const { source } = this.#visitor;
    if (target.move !== undefined && header(head, "sec-fetch-mode") === "navigate" && body.done) {
      source.consume(end);
      return await this.#say(moved(target.move, keepsAlive(head)), keepsAlive(head));
    }
    if (target.raw && !body.done) throw new Refusal(400, "A request for raw bytes has no body");
    const service = await reachPort(target.port, this.#end.signal);
    this.#service = service;
    this.#end.signal.throwIfAborted();
    log.debug("A port of this machine is reached", { port: target.port, raw: target.raw });
    try {
      return target.raw
        ? await this.#raw(service, end)
        : await this.#forward(service, target, head, body, end);
    } finally {
      service.close();
      this.#service = undefined;
    }
  }

  async #forward(
    service: PlainDuplex,
    target: Target,
    head: RequestHead,
    body: Body,
    end: number,
  ): Promise<boolean> {
    const { source } = this.#visitor;
    const first = forwardRequest(source.bytes, head, end, target, this.options.apiKey);
    source.consume(end);
    const name = `The service on port ${target.port}`;
    return await this.#exchange(service, this.options.times.answer, {
      head,
      body,
      first,
      rewrite: forwardAnswer,
      service: name,
    });
  }

  async #exchange(
    service: PlainDuplex,
    deadline: number | undefined,
    request: Outgoing,
  ): Promise<boolean> {
    const { stall, ended } = this.options.times;
    const exchange = new Exchange(this.#visitor, service, request, {
      answer: deadline,
      stall,
      ended,
    });
    let end: ExchangeEnd;
    try {
      end = await exchange.run();
    } catch (error) {
      // The connection is out of step; a refusal is the last that is said on it.
      service.close();
      if (this.#inner === service) this.#inner = undefined;
      if (!(error instanceof Refusal) || exchange.answering) throw error;
      return await this.#say(answer(error, request.head, false), false);
    }
    if (end === "kept") return true;
    if (end === "raw") await relay(this.#visitor, service);
    else await linger(this.#visitor.source);
    return false;
  }

  /** From here on bytes are just bytes. */
  async #raw(service: PlainDuplex, end: number): Promise<false> {
    this.#visitor.source.consume(end);
    await this.#visitor.write(SWITCHING);
    await relay(this.#visitor, service);
    return false;
  }

  async #say(words: Uint8Array, keepAlive: boolean): Promise<boolean> {
    if (!keepAlive) await this.#leave(words);
    else await writeAll(this.conn, words);
    return keepAlive;
  }

  /** Says its last words. */
  async #leave(words: Uint8Array): Promise<void> {
    if (this.#end.signal.aborted) return;
    await writeAll(this.conn, words).catch(() => {});
    await linger(this.#visitor.source);
  }
}

function headersOf(head: RequestHead): Headers {
  const headers = new Headers();
  for (const { name, value } of head.headers) headers.append(name, value);
  return headers;
}
