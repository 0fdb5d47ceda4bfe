/**
 * One request and its answer between two connections: the bytes pass as they come, and are looked
 * at only as far as it takes to know where each message ends.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112 | RFC 9112: HTTP/1.1}
 * @module
 */

import { isDisconnect, type PlainDuplex } from "@agentx/common";
import {
  type Body,
  HeadScanner,
  isEndless,
  keepsAlive,
  parseResponseHead,
  Refusal,
  type RequestHead,
  responseBody,
  type ResponseHead,
} from "@agentx/common/http";
import { wantsUpgrade } from "./forward.ts";

/** A request on its way. */
export interface Outgoing {
  head: RequestHead;
  /** What is left of its body, at the front of what the visitor sends next. */
  body: Body;
  /** The head as the service gets it, with what of the body was at hand. */
  first: Uint8Array;
  /** The answer's head as the visitor gets it; undefined passes it as it came. */
  rewrite?: (bytes: Uint8Array, head: ResponseHead, end: number, keepAlive: boolean) => Uint8Array;
  /** How the service is called in an answer that says it failed. */
  service: string;
}

/** Times of an exchange, in milliseconds. */
export interface ExchangeTimes {
  /**
   * For the service to take a piece of the request, and to begin its answer; undefined for as long
   * as it takes.
   */
  answer: number | undefined;
  /** Between two pieces of a request's body. */
  stall: number;
  /**
   * After the visitor has ended its side. It may have left, or wait for the answer; the service,
   * told at once, would often give up a request that is nearly done.
   */
  ended: number;
}

/**
 * How it ended: both messages are complete and another request may follow (`kept`), or none may
 * (`last`), or from now on bytes are just bytes (`raw`).
 */
export type ExchangeEnd = "kept" | "last" | "raw";

/** How every answer starts. */
const ANSWER = "HTTP/";

/** One exchange. It reads both connections, and closes the service's when there is no other way. */
export class Exchange {
  #answering = false;
  #over = false;
  #whole = false;
  #answered = false;
  #fault: Refusal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly visitor: PlainDuplex,
    private readonly service: PlainDuplex,
    private readonly request: Outgoing,
    private readonly times: ExchangeTimes,
  ) {}

  /** Whether a part of the answer has been sent, so that no other can be. */
  get answering(): boolean {
    return this.#answering;
  }

  /**
   * Sends the request and brings back the answer, both at the same time.
   *
   * @throws {Refusal} when there will be no answer; nothing of one was sent.
   * @throws when the answer broke off in the middle, or the visitor is gone.
   */
  async run(): Promise<ExchangeEnd> {
    void this.#send();
    try {
      return await this.#receive();
    } catch (error) {
      if (this.#answering) throw error;
      throw this.#fault ?? error;
    } finally {
      this.#over = true;
      clearTimeout(this.#timer);
      clearTimeout(this.#ending);
    }
  }

  /** Ends it without an answer of the service's. */
  #fail(status: number, why: string): void {
    if (this.#over) return;
    this.#fault ??= new Refusal(status, why);
    this.service.close();
  }

  /** Gives up when the service does not take a piece of the request, or does not answer, in time. */
  #awaitService(): void {
    clearTimeout(this.#timer);
    const { answer } = this.times;
    if (answer === undefined) return;
    this.#timer = setTimeout(() => {
      // From its answer on it may take its time: so do streams.
      if (!this.#answered) this.#fail(504, `${this.request.service} takes too long to answer`);
    }, answer);
  }

  /** Gives up when the visitor does not go on with the request in time. */
  #awaitVisitor(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#fail(408, "The request's body does not come"),
      this.times.stall,
    );
  }

  /** Sends the request. Never throws: whatever ends it, the answer's side meets the same end. */
  async #send(): Promise<void> {
    const { source } = this.visitor;
    const { body, first } = this.request;
    try {
      this.#awaitService();
      await this.service.write(first);
      while (!body.done) {
        this.#awaitVisitor();
        if (source.size === 0 && !await source.fill()) return await this.service.end();
        if (this.#over) return;
        const count = body.take(source.bytes, 0);
        this.#awaitService();
        try {
          await this.service.pass(source, count);
        } catch {
          return; // It does not want the rest; its answer may say why.
        }
        if (this.#over) return;
        source.consume(count);
      }
      this.#whole = true;
      this.#awaitService();
      // What the visitor sends now is its next request, and waits.
      if (source.size > 0 || await source.fill() || this.#over) return;
      this.#ending = setTimeout(() => this.service.end().catch(() => {}), this.times.ended);
    } catch (error) {
      if (error instanceof Refusal) this.#fail(error.status, error.message);
      else if (!this.#over) this.service.close();
    }
  }

  async #receive(): Promise<ExchangeEnd> {
    const scanner = new HeadScanner();
    for (;;) {
      const head = await this.#nextHead(scanner);
      if (head === undefined) return await this.#rest();
      if (head.status === 101) {
        if (wantsUpgrade(this.request.head)) return "raw";
        throw this.#strange();
      }
      if (head.status >= 200) return await this.#answer(head);
      await this.#pass(head.size);
      // An interim answer is none: if no other comes, the visitor may still be told why.
      this.#answering = false;
    }
  }

  /**
   * The next head; undefined when it is a careless one, and the bytes pass as they are.
   *
   * @throws {Refusal} as soon as it can be no answer: the service may wait for more.
   */
  async #nextHead(scanner: HeadScanner): Promise<ResponseHead | undefined> {
    const { source } = this.service;
    for (;;) {
      if (source.size > 0) {
        const { bytes } = source;
        for (let at = 0; at < ANSWER.length && at < bytes.length; at++) {
          if (bytes[at] !== ANSWER.charCodeAt(at)) throw this.#strange();
        }
        try {
          const lines = scanner.scan(bytes);
          if (lines !== undefined) return parseResponseHead(bytes, lines);
        } catch (error) {
          if (error instanceof Refusal) return undefined;
          throw error;
        }
      }
      if (!await this.#fill()) throw this.#silent();
    }
  }

  async #answer(head: ResponseHead): Promise<ExchangeEnd> {
    const { source } = this.service;
    const { request } = this;
    this.#answered = true;
    let body: Body;
    try {
      body = responseBody(head, request.head.method);
    } catch {
      throw this.#strange();
    }
    // What the service says of its connection is not passed on where the head is written anew.
    const willing = request.rewrite === undefined
      ? keepsAlive(head)
      : request.head.minor === 1 && head.minor === 1;
    const keepAlive = willing && keepsAlive(request.head) && !isEndless(body);
    const { bytes } = source;
    const end = head.size + this.#take(body, bytes, head.size);
    if (request.rewrite === undefined) await this.#pass(end);
    else {
      this.#answering = true;
      await this.visitor.write(request.rewrite(bytes, head, end, keepAlive));
      source.consume(end);
    }
    while (!body.done) {
      if (!await source.fill()) {
        if (isEndless(body)) return "last";
        throw new Deno.errors.UnexpectedEof("the answer broke off");
      }
      await this.#pass(this.#take(body, source.bytes, 0));
    }
    return keepAlive && this.#whole ? "kept" : "last";
  }

  /** A bad chunk of an answer is no fault of the visitor's, and ends both connections. */
  #take(body: Body, bytes: Uint8Array, at: number): number {
    try {
      return body.take(bytes, at);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw this.#answering ? new Deno.errors.UnexpectedEof(error.message) : this.#strange();
    }
  }

  /** Passes on everything up to the end of the connection. */
  async #rest(): Promise<"last"> {
    const { source } = this.service;
    this.#answered = true;
    do await this.#pass(source.size); while (await source.fill());
    return "last";
  }

  async #pass(count: number): Promise<void> {
    this.#answering = true;
    await this.visitor.pass(this.service.source, count);
    this.service.source.consume(count);
  }

  /** Reads before an answer has begun, when an end of any kind means that none will come. */
  async #fill(): Promise<boolean> {
    try {
      return await this.service.source.fill();
    } catch (error) {
      if (isDisconnect(error)) return false;
      throw error;
    }
  }

  #silent(): Refusal {
    return new Refusal(502, `${this.request.service} ended the connection without an answer`);
  }

  #strange(): Refusal {
    return new Refusal(
      502,
      `${this.request.service} answered with something else than HTTP`,
      "POST /proxy?port=PORT with Upgrade: tcp reaches services that speak another protocol.",
    );
  }
}
