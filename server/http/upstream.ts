/**
 * The service's side of an HTTP visitor: one tunnel, the requests that wait for their answers on
 * it, and the answers on their way back.
 *
 * @module
 */

import { copy, isDisconnect, PlainDuplex, type Source } from "@agentx/common";
import {
  type Body,
  HeadScanner,
  isEndless,
  keepsAlive,
  Refusal,
  responseBody,
  type ResponseHead,
} from "@agentx/common/http";
import { unreachable } from "../refusals.ts";
import type { Client } from "../registry.ts";
import { retried, type Tunnel } from "../tunnel.ts";
import type { Visitor } from "../visitor.ts";
import { answerHead } from "./answer_head.ts";
import { type Exchange, ExchangeQueue } from "./exchange_queue.ts";
import { addLines } from "./forward.ts";
import { lastAnswer } from "./last_answer.ts";
import { harmless, mayRetry, TunnelLost } from "./retry.ts";

/** What a session hears of its upstream. */
export interface UpstreamEvents {
  /** Whether the answer that is about to go is the visitor's last: it is told so, and none follows. */
  last(): boolean;
  /** An answer is complete; `keepAlive` tells whether both ends expect another. */
  answered(keepAlive: boolean): void;
}

/** One tunnel with its requests. Its session owns it and calls {@link Upstream.close}. */
export class Upstream {
  readonly #due = new ExchangeQueue();
  #tries = 1;
  #starting = true;
  #started = Promise.withResolvers<boolean>();
  #retrying: Promise<void> | undefined;
  readonly #toVisitor: PlainDuplex;
  #over = false;
  /** Whether an answer came by this tunnel, so that its loss may be the end of a kept connection. */
  #kept = false;
  /** Whether the visitor will send nothing more. */
  #finished = false;
  /** Whether the tunnel broke, or holds something that nobody waits for. */
  #spoilt = false;
  #closed = false;
  /** Whether the service waits for the rest of a body. */
  owed = false;
  /** Whether a part of the front exchange's answer has reached the visitor. */
  #answering = false;

  constructor(
    readonly client: Client,
    private readonly visitor: Visitor,
    private tunnel: Tunnel,
    private readonly events: UpstreamEvents,
  ) {
    client.visitors++;
    visitor.joins(client);
    client.kept.add(this);
    this.#toVisitor = new PlainDuplex(visitor.peek);
  }

  /** Whether it takes another request. */
  get open(): boolean {
    return !this.#over;
  }

  /** Whether its tunnel can serve another visitor. */
  get reusable(): boolean {
    return this.tunnel.kind === "reusable";
  }

  /** Most bytes to pass at once; see {@link Sink}. */
  get most(): number {
    return this.tunnel.duplex.sink.most;
  }

  /** Whether no answer is due. */
  get idle(): boolean {
    return this.#due.size === 0;
  }

  /** The request that waits for its answer, unless a part of that has reached the visitor. */
  get unanswered(): Exchange | undefined {
    return this.#answering ? undefined : this.#due.first;
  }

  /** Resolves when the service was reached (true), or cannot be (false). */
  get started(): Promise<boolean> {
    return this.#started.promise;
  }

  /** Whether as many answers are due as may be at a time. */
  get full(): boolean {
    return !this.#over && this.#due.full;
  }

  /** Resolves when fewer answers are due than may be, or none will come. */
  room(): Promise<void> {
    return this.#over ? Promise.resolve() : this.#due.room();
  }

  /** Resolves when no answer is due, or none will come. */
  drained(): Promise<void> {
    return this.#over ? Promise.resolve() : this.#due.drained();
  }

  /**
   * Sends a request's head and the part of its body at hand; false when the tunnel ended before, and
   * the request belongs on another.
   */
  async send(exchange: Exchange): Promise<boolean> {
    await this.#retrying;
    if (this.#over) return false;
    const first = this.#starting && this.idle;
    this.#due.push(exchange);
    try {
      if (first) await this.#start(exchange.sent.bytes);
      else await this.tunnel.duplex.sink.pass(exchange.sent, exchange.sent.size);
    } catch {
      // The reading side meets the same end, and knows whether to try again.
    }
    return true;
  }

  /** Sends more of a body. Throws when the service no longer listens. */
  async pass(from: Source, count: number): Promise<void> {
    await this.tunnel.duplex.sink.pass(from, count);
  }

  /** Passes on what the visitor sends from now on, raw, and the end of it. */
  async upgrade(from: Source): Promise<void> {
    await copy(from, this.tunnel.duplex.sink, (bytes) => this.visitor.traffic.up += bytes);
  }

  /** Passes on that the visitor will send nothing more. */
  async finish(): Promise<void> {
    this.#finished = true;
    try {
      await this.tunnel.duplex.sink.end();
    } catch { /* it ended first */ }
  }

  #start(head: Uint8Array): Promise<void> {
    const { name, tls } = this.visitor;
    return this.tunnel.start({ visitor: name, protocol: "http", tls }, head);
  }

  /**
   * Carries answers back until the tunnel ends.
   *
   * @throws {Refusal} when the front request will get no answer; nothing of one was sent.
   * @throws when an answer broke off in the middle, or the visitor is gone.
   */
  async run(): Promise<void> {
    try {
      for (;;) {
        try {
          return await this.#answers();
        } catch (error) {
          if (this.#over && this.idle) return;
          if (this.#starting && !this.#over && !(error instanceof Refusal)) {
            this.client.account.stale++;
          }
          if (!this.#mayRetry(error)) throw this.#final(error);
          retried(this.client, error);
        }
        this.#retrying = this.#retry();
        await this.#retrying;
        this.#retrying = undefined;
      }
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#over = true;
    this.#started.resolve(false);
    this.#due.end();
  }

  #mayRetry(error: unknown): boolean {
    return !this.#over && mayRetry(error, {
      tries: this.#tries,
      starting: this.#starting,
      kept: this.#kept,
      finished: this.#finished,
      due: this.#due.all,
    });
  }

  #final(error: unknown): unknown {
    if (!(error instanceof TunnelLost) && !this.#starting) return error;
    if (error instanceof Refusal) return error;
    return new Refusal(502, "The service ended the connection without an answer");
  }

  async #retry(): Promise<void> {
    this.tunnel.close();
    this.#tries++;
    this.tunnel = await this.client.pool.take();
    if (this.#over) this.tunnel.close();
    this.#starting = true;
    this.#kept = false;
    await this.#start(this.#due.first!.sent.bytes).catch(() => {});
    for (const { sent } of this.#due.all.slice(1)) {
      await this.tunnel.duplex.sink.pass(sent, sent.size).catch(() => {});
    }
    if (this.#finished) await this.finish();
  }

  async #answers(): Promise<void> {
    const mayLose = () => this.#tries === 1 && harmless(this.#due.all);
    const started = await this.tunnel.started(this.client.channel, mayLose);
    if (!started.ok) throw unreachable(`The client reports: ${started.reason}`);
    // A generation 1 client does not say whether its service was reached; its first bytes do.
    if (this.tunnel.kind !== "raw") this.#starting = false;
    this.#started.resolve(true);
    const { source } = this.tunnel.duplex;
    const scanner = new HeadScanner();
    let body: Body | undefined;
    let keepAlive = true;
    for (;;) {
      if (source.size === 0 && !await this.#fill(source)) {
        if (body !== undefined && isEndless(body) && !this.#spoilt) return this.#done(false);
        if (body !== undefined) throw new Deno.errors.UnexpectedEof("the answer broke off");
        if (this.idle) return this.#end();
        throw new TunnelLost();
      }
      if (body !== undefined) {
        const count = body.take(source.bytes, 0);
        await this.#pass(source, count);
      } else {
        const exchange = this.#due.first;
        // Bytes that no request asked for, such as a 408 before a service closes.
        if (exchange === undefined) {
          this.#spoilt = true;
          return this.#end();
        }
        this.#starting = false;
        const head = answerHead(source.bytes, scanner);
        if (head === "more") {
          if (await this.#fill(source)) continue;
          throw new TunnelLost();
        }
        if (head !== undefined && head.status < 200 && head.status !== 101) {
          await this.#pass(source, head.size);
          this.#answering = false;
          continue;
        }
        exchange.status?.resolve(head?.status ?? 200);
        this.client.account.serve();
        if (head === undefined || head.status === 101) return await this.#raw(source, head);
        body = responseBody(head, exchange.head.method);
        keepAlive = keepsAlive(head) && keepsAlive(exchange.head) && !isEndless(body);
        const bytes = source.bytes;
        const end = head.size + body.take(bytes, head.size);
        const last = keepAlive && this.#due.size === 1 && this.events.last();
        if (exchange.lines === "" && !last) await this.#pass(source, end);
        else {
          this.#answering = true;
          let changed = addLines(bytes.subarray(0, end), head, exchange.lines);
          if (last) {
            changed = lastAnswer(changed, { ...head, size: head.size + exchange.lines.length });
            keepAlive = false;
          }
          await this.#toVisitor.write(changed);
          this.visitor.traffic.down += changed.length;
          source.consume(end);
        }
      }
      if (body.done) {
        body = undefined;
        this.#done(keepAlive);
      }
    }
  }

  /** From here on bytes are just bytes: an upgrade, or a service that does not speak HTTP. */
  async #raw(source: Source, head: ResponseHead | undefined): Promise<void> {
    this.#answering = true;
    await copy(source, this.#toVisitor, (bytes) => this.visitor.traffic.down += bytes);
    // After an upgrade the visitor's own direction may go on; the session waits for it.
    if (head === undefined) this.#done(false);
  }

  /** Reads; an end of any kind is false. */
  async #fill(source: Source): Promise<boolean> {
    try {
      return await source.fill();
    } catch (error) {
      if (!isDisconnect(error)) throw error;
      this.#spoilt = true;
      return false;
    }
  }

  async #pass(source: Source, count: number): Promise<void> {
    if (count === 0) return;
    this.#answering = true;
    await this.#toVisitor.pass(source, count);
    source.consume(count);
    this.visitor.traffic.down += count;
  }

  #done(keepAlive: boolean): void {
    this.#due.shift();
    this.#kept = true;
    this.#answering = false;
    this.#tries = 1;
    this.events.answered(keepAlive);
    if (this.client.gone) this.leave();
  }

  /** The client leaves: nothing more goes to it on this tunnel. Answers that are due still come. */
  leave(): void {
    if (!this.idle) return;
    // A request that comes in this very moment belongs elsewhere, and is not lost with the tunnel.
    this.#end();
    this.tunnel.close();
  }

  /** Ends it; a tunnel that can goes back to the pool. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#over = true;
    this.client.visitors--;
    this.client.kept.delete(this);
    const clean = this.idle && !this.owed && !this.#starting && !this.#spoilt;
    if (clean) void this.client.pool.giveBack(this.tunnel);
    else this.tunnel.close();
  }
}
