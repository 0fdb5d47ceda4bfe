/**
 * One HTTP visitor: reads request after request, routes each by its own token, and owns the
 * upstream that answers.
 *
 * Two loops run side by side: this one reads requests, the upstream's carries answers back. They
 * meet in the upstream's queue of requests that wait for their answers.
 *
 * @module
 */

import { closeQuietly, isDisconnect, linger, writeAll } from "@agentx/common";
import {
  type Body,
  hasToken,
  HeadScanner,
  keepsAlive,
  parseRequestHead,
  Refusal,
  requestBody,
  type RequestHead,
} from "@agentx/common/http";
import { tooSlow } from "../refusals.ts";
import type { Route, Router } from "../router.ts";
import type { Match } from "../sniff/mod.ts";
import { brokeOff, type Tunnel } from "../tunnel.ts";
import type { Visitor } from "../visitor.ts";
import { answer } from "./answer.ts";
import { forwardRequest } from "./forward.ts";
import { Hold } from "./hold.ts";
import { rawMatch, wantsRaw } from "./upgrade.ts";
import type { Exchange } from "./exchange_queue.ts";
import { Upstream } from "./upstream.ts";

/** Options of a session; times in milliseconds. */
export interface SessionOptions {
  /** For a head to come whole. */
  headTimeout: number;
  /** Most bytes of a head. */
  maxHead: number;
}

/** Ends of a visitor with nothing under way. */
const PEACEFUL: ReadonlySet<string> = new Set(["done", "drained", "idle timeout"]);

/** The life of one HTTP connection. */
export class HttpSession {
  /** Requests read so far. */
  requests = 0;
  /** Tags of the clients that it was let in to. */
  readonly clients = new Set<string>();
  #upstream: Upstream | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #scanner: HeadScanner;
  #draining = false;
  /** Whether the visitor was told that the answer under way is its last. */
  #last = false;
  /** Whether a request is being read or sent. */
  #busy = false;
  /** Whether the request at hand was let in to its client. */
  #routed = false;
  readonly #hold: Hold;
  /** How it ended; set once. */
  #end: string | undefined;
  /** The status of the last answer, if that was the server's own in place of a service's. */
  #refused: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly visitor: Visitor,
    private readonly router: Router,
    private readonly options: SessionOptions,
  ) {
    this.#scanner = new HeadScanner(options.maxHead);
    this.#hold = new Hold(visitor.peek, (why) => this.#finish(why));
  }

  /**
   * Serves until either end has had enough.
   *
   * @returns how it ended, for the log; or how the connection goes on as raw bytes.
   */
  async run(): Promise<string | Match> {
    let match: Match | undefined;
    try {
      while (match === undefined) {
        const head = await this.#nextHead();
        if (head === undefined) break;
        this.#busy = true;
        match = await this.#serve(head);
        this.#busy = false;
        // What goes on as raw bytes stays what it was let in to.
        this.#routed = match !== undefined;
      }
    } catch (error) {
      if (error instanceof Refusal) await this.#refuse(error, undefined, false);
      else if (isDisconnect(error)) this.#finish("visitor reset");
      else this.#finish("internal error");
      if (this.#end === "internal error") throw error;
    } finally {
      await this.#closing;
      this.#upstream?.close();
      if (match === undefined) closeQuietly(this.visitor.conn);
      await this.#running;
    }
    return match !== undefined && this.#end === undefined ? match : this.#outcome();
  }

  /**
   * The next answer tells the visitor that it is the last. One that has been quiet is not waited for,
   * unless a request of it is under way.
   */
  drain(quiet: boolean): void {
    this.#draining = true;
    const idle = !this.#busy && this.#upstream?.idle !== false && this.visitor.peek.size === 0;
    if (quiet && idle) this.#closing ??= this.#linger("drained");
  }

  /** Whether no request is under way that was let in. */
  get resting(): boolean {
    return !this.#routed && this.#upstream?.idle !== false;
  }

  /** Between two requests: the tunnel may serve others meanwhile; false if there is none to give. */
  rest(): boolean {
    const upstream = this.#upstream;
    if (!upstream?.reusable || !upstream.idle || this.visitor.peek.size > 0) return false;
    this.#upstream = undefined;
    upstream.close();
    return true;
  }

  /** Ends now. */
  abort(why: string): void {
    this.#finish(why);
  }

  /** For the log. Whoever was turned away last, and left in peace, was no success. */
  #outcome(): string {
    const end = this.#end ?? "done";
    return this.#refused !== undefined && PEACEFUL.has(end) ? `refused ${this.#refused}` : end;
  }

  /** Closes both ends; what waits on them returns. */
  #finish(end: string): void {
    this.#end ??= end;
    this.#upstream?.close();
    closeQuietly(this.visitor.conn);
  }

  /** Closes after an answer, which reaches the visitor. */
  async #linger(end: string): Promise<void> {
    this.#end ??= end;
    this.#upstream?.close();
    await linger(this.visitor.peek);
  }

  /** The next request's head; undefined when no more will come. */
  async #nextHead(): Promise<RequestHead | undefined> {
    if (this.#upstream?.full) await this.#hold.until(this.#upstream.room());
    const { peek } = this.visitor;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      for (;;) {
        if (this.#last) await this.#upstream?.drained();
        if (this.#last || this.#end !== undefined) return undefined;
        // A line end before a request line is tolerated, RFC 9112 §2.2.
        while (peek.bytes[0] === 13 && peek.bytes[1] === 10) peek.consume(2);
        if (peek.size > 0) {
          const { bytes } = peek;
          const lines = this.#scanner.scan(bytes);
          if (lines !== undefined) return parseRequestHead(bytes, lines);
          timer ??= setTimeout(() => this.#tooSlow(), this.options.headTimeout);
        }
        if (!await peek.fill()) {
          if (peek.size > 0 && this.#end === undefined) {
            throw new Refusal(400, "The request ended in the middle of its head");
          }
          await this.#visitorDone();
          return undefined;
        }
      }
    } catch (error) {
      if (this.#end !== undefined) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #tooSlow(): void {
    void this.#refuse(tooSlow(this.options.headTimeout), undefined, false);
  }

  /** The visitor will send no more: the service hears of it, and answers that are due still go. */
  async #visitorDone(): Promise<void> {
    if (this.#upstream?.open && !this.#upstream.idle) {
      await this.#upstream.finish();
      await this.#upstream.drained();
    }
  }

  /** @returns a match when the connection is to go on as raw bytes. */
  async #serve(head: RequestHead): Promise<Match | undefined> {
    this.requests++;
    const { peek, traffic } = this.visitor;
    let body: Body;
    try {
      body = requestBody(head);
      if (body.done && wantsRaw(head)) return await this.#handOver(head);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return void await this.#refuse(error, head, false);
    }
    let sent = false;
    let exchange: Exchange | undefined;
    while (!sent) {
      let upstream: Upstream;
      try {
        const route = await this.#route(head);
        this.#routed = true;
        upstream = await this.#reach(route.client);
        if (exchange === undefined) {
          const end = head.size + body.take(peek.bytes, head.size);
          exchange = {
            head,
            sent: forwardRequest(peek.bytes, head, end, route.forwarded, route.target),
            whole: body.done,
            lines: route.lines,
            status: hasToken(head, "connection", "upgrade")
              ? Promise.withResolvers<number>()
              : undefined,
          };
          peek.consume(end);
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const keepAlive = error.status !== 400 && body.done && keepsAlive(head) && !this.#draining;
        if (keepAlive && exchange === undefined) peek.consume(head.size);
        return void await this.#refuse(error, head, keepAlive);
      }
      sent = await upstream.send(exchange);
      if (!sent) continue;
      traffic.up += exchange.sent.size;
      if (!body.done) await this.#sendBody(upstream, body);
      if (exchange.status !== undefined) {
        await this.#awaitUpgrade(upstream, exchange.status.promise);
      }
    }
  }

  /** Where a request goes, as soon as its client is here if that may yet come. */
  #route(head: RequestHead): Promise<Route> {
    const { router, visitor } = this;
    return router.settle.until(visitor, () => router.route(head, visitor));
  }

  /** Leaves the connection to its raw bytes once the answers that are due have gone. */
  async #handOver(head: RequestHead): Promise<Match | undefined> {
    const { client } = await this.#route(head);
    this.#routed = true;
    await this.#upstream?.drained();
    return this.#end === undefined ? rawMatch(head, client) : undefined;
  }

  /** The upstream for a client: the one at hand, or a new one once the last has answered all. */
  async #reach(client: Upstream["client"]): Promise<Upstream> {
    const current = this.#upstream;
    if (current?.client === client && current.open) return current;
    if (current !== undefined) {
      await current.drained();
      // If it failed, its visitor hears of that before, or instead of, any further answer.
      if (!current.open) await this.#running;
      await this.#closing;
      if (this.#end !== undefined) throw new Deno.errors.Interrupted("the connection ends");
      // Its service may take its time to leave; nobody waits for that.
      this.#upstream = undefined;
      current.close();
    }
    // Also of one that opens no tunnel in time.
    this.clients.add(client.tag);
    this.router.admit(client);
    const tunnel = await this.#take(client);
    if (this.#end !== undefined) {
      tunnel.close();
      throw new Deno.errors.Interrupted("the visitor left");
    }
    const upstream = new Upstream(client, this.visitor, tunnel, {
      last: () => this.#isLast(),
      answered: (keepAlive) => this.#answered(keepAlive),
    });
    this.#upstream = upstream;
    this.#running = this.#watch(upstream);
    return upstream;
  }

  /** A tunnel; whoever waits for one counts as a visitor of the client already. */
  async #take(client: Upstream["client"]): Promise<Tunnel> {
    client.visitors++;
    try {
      return await client.pool.take();
    } finally {
      client.visitors--;
    }
  }

  /** Runs an upstream, and turns its failure into an answer or an end. */
  async #watch(upstream: Upstream): Promise<void> {
    try {
      await upstream.run();
    } catch (error) {
      const exchange = upstream.unanswered;
      if (this.#end !== undefined || this.#upstream !== upstream) return;
      if (error instanceof Refusal && exchange !== undefined) {
        exchange.status?.resolve(error.status);
        this.#closing = this.#respond(error, exchange.head, false);
      } else {
        brokeOff(upstream.client, error);
        this.#finish("answer broke off");
      }
    }
  }

  async #sendBody(upstream: Upstream, body: Body): Promise<void> {
    const { peek, traffic } = this.visitor;
    // Until the service is reached the request may have to be sent again, so no more of it goes out.
    if (!await upstream.started) return this.#abandon();
    upstream.owed = true;
    while (!body.done) {
      if (peek.size === 0 && !await peek.fill()) {
        throw new Deno.errors.UnexpectedEof("the request broke off in its body");
      }
      if (this.#end !== undefined) return;
      const count = this.#takeBody(upstream, body, peek.bytes.subarray(0, upstream.most));
      try {
        await upstream.pass(peek, count);
      } catch {
        return this.#abandon();
      }
      traffic.up += count;
      peek.consume(count);
    }
    upstream.owed = false;
  }

  /** What of `bytes` belongs to the body. A bad chunk ends the upstream: it has half a request. */
  #takeBody(upstream: Upstream, body: Body, bytes: Uint8Array): number {
    try {
      return body.take(bytes, 0);
    } catch (error) {
      if (upstream.unanswered === undefined) this.#finish("malformed request");
      this.#upstream = undefined;
      upstream.close();
      throw error;
    }
  }

  /** The service does not want the rest of a body: its answer, if any, is the connection's last. */
  async #abandon(): Promise<void> {
    await this.#running;
    await (this.#closing ??= this.#linger("service ended first"));
  }

  /** After a request to upgrade: raw bytes from now on, or the next request. */
  async #awaitUpgrade(upstream: Upstream, status: Promise<number>): Promise<void> {
    if (await Promise.race([status, this.#running]) !== 101) return;
    await upstream.upgrade(this.visitor.peek);
    await this.#running;
    this.#finish("done");
  }

  /** What has come already gets its answer; what comes after the last one's head does not. */
  #isLast(): boolean {
    this.#last ||= this.#draining && !this.#busy && this.visitor.peek.size === 0;
    return this.#last;
  }

  #answered(keepAlive: boolean): void {
    this.#refused = undefined;
    if (!keepAlive) this.#closing ??= this.#linger("done");
  }

  /** Answers a request that goes to no client, once those before it have their answers. */
  async #refuse(error: Refusal, head: RequestHead | undefined, keepAlive: boolean) {
    await this.#upstream?.drained();
    if (this.#end !== undefined) return;
    if (keepAlive) this.#refuses(error);
    if (keepAlive) await writeAll(this.visitor.conn, answer(error, head, true));
    else await (this.#closing ??= this.#respond(error, head, false));
  }

  async #respond(error: Refusal, head: RequestHead | undefined, keepAlive: boolean) {
    this.#end = "done";
    this.#refuses(error);
    this.#upstream?.close();
    await writeAll(this.visitor.conn, answer(error, head, keepAlive)).catch(() => {});
    await this.#linger(this.#end);
  }

  /** The server answers itself. To send a visitor on is no refusal. */
  #refuses({ status }: Refusal): void {
    this.visitor.refused(status);
    this.#refused = status >= 400 ? status : undefined;
  }
}
