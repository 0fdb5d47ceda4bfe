/**
 * JSON-RPC 2.0 with a child process: one message a line on its standard input and output.
 *
 * @see {@link https://www.jsonrpc.org/specification | JSON-RPC 2.0}
 * @module
 */

import { DeadlineError, reason } from "@agentx/common";
import { type Json, parseLine } from "../events/mod.ts";
import { Child, type Listener } from "./child.ts";
import { exitReason } from "./exit.ts";
import type { Exit, Program } from "./mod.ts";

/** Codes of {@link RpcError} that this side sends. */
export const CODES = {
  methodNotFound: -32601,
  internal: -32603,
  /** The peer took its request back; as in the Language Server Protocol and in ACP. */
  cancelled: -32800,
} as const;

/** Questions of the peer that may be open at once; more are refused. */
const MAX_OPEN = 256;

/** The id of a request. A peer may use either; ours are numbers. */
export type Id = number | string;

/** What a line of the peer is. */
export type Message =
  | { kind: "request"; id: Id; method: string; params: Json }
  | { kind: "notification"; method: string; params: Json }
  /** `result` is undefined where there is an `error`. */
  | { kind: "response"; id: Id; result?: unknown; error?: unknown }
  /** No JSON-RPC; perhaps not even JSON. */
  | { kind: "other" };

/** The peer answered with an error, or is to get one. */
export class RpcError extends Error {
  override name = "RpcError";
  constructor(readonly code: number, message: string, readonly data?: unknown) {
    super(message);
  }
}

/** The process ended before it answered; the message holds what it said on standard error. */
export class EndedError extends Error {
  override name = "EndedError";
  constructor(readonly exit: Exit) {
    super(exitReason(exit));
  }
}

/**
 * Answers a request of the peer.
 *
 * @param params an empty object where the peer sent none, or a list.
 * @param signal aborted when the peer does not want the answer any more, or has ended.
 * @throws {RpcError} to choose the error that the peer gets; anything else becomes -32603.
 */
export type Handler = (params: Json, signal: AbortSignal) => Promise<unknown>;

/** Whom a {@link JsonRpc} works for. Nothing here may throw. */
export interface RpcListener extends Omit<Listener, "line"> {
  /** Every line of standard output, in order, before anything comes of it. */
  line(text: string, message: Message): void;
  /** Method -> who answers it; other methods get -32601. */
  handlers: Readonly<Record<string, Handler>>;
  notification(method: string, params: Json): void;
  /** The request of the peer's that this notification takes back, if it does that. */
  withdraws?(method: string, params: Json): Id | undefined;
}

/** A peer in a child process; disposing ends the process. */
export class JsonRpc implements AsyncDisposable {
  readonly child: Child;
  #last = 0;
  #exit: Exit | undefined;
  readonly #asked = new Map<Id, PromiseWithResolvers<unknown>>();
  readonly #open = new Map<Id, AbortController>();

  /**
   * @param version whether messages carry `"jsonrpc":"2.0"`: some peers leave it out.
   * @throws {StartError} when the program cannot be started.
   */
  constructor(
    program: Program,
    private readonly listener: RpcListener,
    private readonly version: boolean = true,
  ) {
    const { stderr, notice } = listener;
    this.child = new Child(program, {
      line: (text) => this.#take(text),
      stderr: (text) => stderr.call(listener, text),
      notice: (text) => notice.call(listener, text),
    }, "piped");
    this.child.exit.then((exit) => this.#ended(exit));
  }

  /**
   * Asks the peer.
   *
   * @param timeout milliseconds; none for what may take as long as it likes, such as a turn.
   * @throws {RpcError} what the peer answered.
   * @throws {EndedError} when the process ended, or ends.
   * @throws {DeadlineError} when there was no answer in time; a late one is dropped.
   */
  async request(method: string, params: unknown, timeout?: number): Promise<unknown> {
    if (this.#exit !== undefined) throw new EndedError(this.#exit);
    const id = ++this.#last;
    const answer = Promise.withResolvers<unknown>();
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      answer.reject(new DeadlineError(`${method}: no answer within ${timeout / 1000} s`));
    }, timeout);
    this.#asked.set(id, answer);
    this.#send({ id, method, params });
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#asked.delete(id);
    }
  }

  /** Tells the peer. */
  notify(method: string, params?: unknown): void {
    this.#send({ method, ...params === undefined ? {} : { params } });
  }

  #send(message: object): void {
    void this.child.write(
      JSON.stringify(this.version ? { jsonrpc: "2.0", ...message } : message),
    );
  }

  #take(text: string): void {
    const message = parseMessage(text);
    this.listener.line(text, message);
    switch (message.kind) {
      case "request":
        void this.#answer(message);
        break;
      case "notification": {
        const taken = this.listener.withdraws?.(message.method, message.params);
        if (taken !== undefined) this.#open.get(taken)?.abort();
        this.listener.notification(message.method, message.params);
        break;
      }
      case "response": {
        const asked = this.#asked.get(message.id);
        if (message.error === undefined) asked?.resolve(message.result);
        else asked?.reject(asError(message.error));
      }
    }
  }

  async #answer({ id, method, params }: Message & { kind: "request" }): Promise<void> {
    const open = new AbortController();
    try {
      const handler = Object.hasOwn(this.listener.handlers, method)
        ? this.listener.handlers[method]
        : undefined;
      if (handler === undefined) {
        throw new RpcError(CODES.methodNotFound, `Method not found: ${method}`);
      }
      if (this.#open.has(id) || this.#open.size >= MAX_OPEN) {
        throw new RpcError(CODES.internal, "The id is in use, or too many requests are open");
      }
      this.#open.set(id, open);
      const result = await handler(params, open.signal);
      open.signal.throwIfAborted();
      this.#send({ id, result: result ?? null });
    } catch (error) {
      this.#send({ id, error: toError(error, open.signal.aborted) });
    } finally {
      if (this.#open.get(id) === open) this.#open.delete(id);
    }
  }

  #ended(exit: Exit): void {
    this.#exit = exit;
    for (const asked of this.#asked.values()) asked.reject(new EndedError(exit));
    for (const open of this.#open.values()) open.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}

/** What this line is. Never throws. */
export function parseMessage(line: string): Message {
  const { id, method, params, result, error } = parseLine(line) ?? {};
  const named = typeof id === "number" || typeof id === "string";
  if (typeof method === "string") {
    const object = isObject(params) ? params : {};
    return named
      ? { kind: "request", id, method, params: object }
      : { kind: "notification", method, params: object };
  }
  if (!named) return { kind: "other" };
  if (error !== undefined && error !== null) return { kind: "response", id, error };
  return result === undefined ? { kind: "other" } : { kind: "response", id, result };
}

/** Whether this is an object of JSON, and no list. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asError(error: unknown): RpcError {
  const { code, message, data } = isObject(error) ? error : {};
  return new RpcError(
    typeof code === "number" ? code : CODES.internal,
    typeof message === "string" ? message : JSON.stringify(error),
    data,
  );
}

function toError(error: unknown, withdrawn: boolean): object {
  if (withdrawn) return { code: CODES.cancelled, message: "Request cancelled" };
  if (!(error instanceof RpcError)) return { code: CODES.internal, message: reason(error) };
  const { code, message, data } = error;
  return { code, message, ...data === undefined ? {} : { data } };
}
