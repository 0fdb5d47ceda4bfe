/**
 * A thread of `codex app-server`: its turns, its lines, and how a turn is made to end.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { turnEnd } from "../events/codex.ts";
import { fields, text } from "../events/fields.ts";
import type { Json, TurnEnd } from "../events/mod.ts";
import { imagesOf, wordsOf } from "./codex_prompt.ts";
import { codexHandlers } from "./codex_questions.ts";
import { exitReason } from "./exit.ts";
import { type Id, JsonRpc, type Message, RpcError } from "./jsonrpc.ts";
import type { Conversation, Exit, Host, Program, Prompt } from "./mod.ts";

/** How long it may take to begin a turn, in milliseconds. */
const START_MS = 60_000;
/** How long an interrupt may take before the process is ended, in milliseconds. */
const OBEY_MS = 5000;
/** How long it may take to end when its input has, in milliseconds. */
const END_MS = 5000;
/**
 * How long a command is left alone, in milliseconds: one that is ended before its sandbox stands may
 * stay behind, with nobody who knows of it.
 */
const SETTLE_MS = 300;

/** A turn that runs. */
interface Turn {
  /** Known as soon as it has been started. */
  readonly id: PromiseWithResolvers<string>;
  readonly end: PromiseWithResolvers<TurnEnd>;
  /** Set by an interrupt; the turn is over when it is. */
  stopping?: Promise<void>;
}

/** A conversation with `codex app-server`; it takes turns once it was {@link CodexThread.opened}. */
export class CodexThread implements Conversation {
  readonly reusable = true;
  readonly exit: Promise<Exit>;
  /** To speak with the process before there is a thread. */
  readonly rpc: JsonRpc;
  #id: string | undefined;
  #turn: Turn | undefined;
  /** Thread -> turn, of the helpers that the model has at work. */
  readonly #helpers = new Map<string, string>();
  /** What has begun and not ended, without what the model says. */
  readonly #items = new Map<string, Json>();
  /** When a command may have begun, of `performance.now()`. */
  #begun = -Infinity;
  /** What each turn is started with beside its input. */
  #settings: Json = {};

  /** @throws {StartError} when the program cannot be started. */
  constructor(program: Program, private readonly host: Host) {
    this.rpc = new JsonRpc(program, {
      line: (line, message) => {
        if (this.#isShown(message)) host.line(line);
      },
      stderr: (line) => host.stderr(line),
      notice: (line) => host.notice(line),
      handlers: codexHandlers({
        ask: (question, signal) => host.ask(question, signal),
        items: this.#items,
        explain: (params, why) => this.#explain(params, why),
      }),
      notification: (method, params) => this.#hear(method, params),
      withdraws: (method, { requestId }) =>
        method === "serverRequest/resolved" ? requestId as Id : undefined,
    }, false);
    this.exit = this.rpc.child.exit;
    this.exit.then((exit) =>
      this.#turn?.end.resolve({ status: "failed", reason: exitReason(exit) })
    );
  }

  /** From now on it takes turns, each started with these settings beside its prompt. */
  opened(id: string, settings: Json): void {
    this.#id = id;
    this.#settings = settings;
  }

  async turn(prompt: Prompt): Promise<TurnEnd> {
    const turn: Turn = { id: Promise.withResolvers(), end: Promise.withResolvers() };
    this.#turn = turn;
    try {
      void this.#start(turn, prompt);
      const end = await turn.end.promise;
      await turn.stopping;
      return turn.stopping !== undefined && end.status === "failed" ? { status: "cancelled" } : end;
    } finally {
      this.#turn = undefined;
      this.#items.clear();
    }
  }

  async #start(turn: Turn, prompt: Prompt): Promise<void> {
    try {
      const params = { threadId: this.#id, input: inputOf(prompt), ...this.#settings };
      const started = await this.rpc.request("turn/start", params, START_MS);
      turn.id.resolve(text(fields(fields(started).turn).id));
    } catch (error) {
      turn.end.resolve({ status: "failed", reason: reason(error) });
      // Without an answer nobody knows whether it runs.
      if (!(error instanceof RpcError)) await this.stop();
    }
  }

  async interrupt(): Promise<void> {
    const turn = this.#turn;
    if (turn !== undefined) await (turn.stopping ??= this.#interrupt(turn));
  }

  async #interrupt(turn: Turn): Promise<void> {
    await this.#settled();
    if (await inTime(this.#obeys(turn), OBEY_MS) !== true) await this.stop();
  }

  /** Waits until commands that have begun can be ended. */
  async #settled(): Promise<void> {
    const left = this.#begun + SETTLE_MS - performance.now();
    if (left > 0) await inTime(this.exit, left);
  }

  /** Asks Codex to end a turn, with all that belongs to it; returns whether it could. */
  async #obeys(turn: Turn): Promise<boolean> {
    const end = turn.end.promise;
    const turnId = await Promise.race([turn.id.promise, end.then(() => undefined)]);
    if (turnId === undefined) return true;
    const running = [[this.#id, turnId], ...this.#helpers];
    await Promise.allSettled(
      running.map(([threadId, turnId]) =>
        this.rpc.request("turn/interrupt", { threadId, turnId }, OBEY_MS)
      ),
    );
    await end;
    // The commands that the turn has started are left to themselves by an interrupt.
    const [cleaned] = await Promise.allSettled(
      running.map(([threadId]) =>
        this.rpc.request("thread/backgroundTerminals/clean", { threadId }, OBEY_MS)
      ),
    );
    return cleaned?.status === "fulfilled";
  }

  #hear(method: string, params: Json): void {
    const { threadId, turn, item } = params;
    const mine = threadId === this.#id;
    const { id, type } = fields(item ?? turn);
    switch (method) {
      case "item/started":
        if (type === "fileChange" || type === "mcpToolCall") {
          this.#items.set(text(id), fields(item));
        }
        if (type === "commandExecution") this.#begun = performance.now();
        break;
      case "serverRequest/resolved":
        this.#begun = performance.now();
        break;
      case "item/fileChange/patchUpdated":
        if (this.#items.has(text(params.itemId))) {
          this.#items.set(text(params.itemId), { changes: params.changes });
        }
        break;
      case "item/completed":
        this.#items.delete(text(id));
        break;
      case "turn/started":
        if (!mine) this.#helpers.set(text(threadId), text(id));
        break;
      case "turn/completed":
        this.#helpers.delete(text(threadId));
        if (mine) this.#turn?.end.resolve(turnEnd(fields(turn).status, fields(turn).error));
        break;
    }
  }

  /**
   * Whether a line belongs into the log: not the answers to what this side asked; and of the model's
   * helpers what they do, but not what they say, since nobody could tell it from the model's words.
   */
  #isShown(message: Message): boolean {
    if (message.kind === "response") return false;
    if (message.kind !== "notification" || this.#id === undefined) return true;
    const { method, params: { threadId, item } } = message;
    if (typeof threadId !== "string" || threadId === this.#id) return true;
    if (method === "turn/started" || method === "turn/completed") return true;
    const said = ["userMessage", "agentMessage", "reasoning", "plan"];
    return method.startsWith("item/") && item !== undefined &&
      !said.includes(text(fields(item).type));
  }

  async #explain({ threadId, turnId }: Json, why: string): Promise<void> {
    const input = [{ type: "text", text: `The user said no: ${why}` }];
    await this.rpc.request("turn/steer", { threadId, expectedTurnId: turnId, input }, OBEY_MS)
      .catch((error) => this.host.notice(`The reason did not reach Codex: ${reason(error)}`));
  }

  /** Ends the process without asking. */
  async stop(): Promise<void> {
    await this.rpc.child.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settled();
    this.rpc.child.closeStdin();
    await this.rpc.child.endsWithin(END_MS);
    await this.stop();
  }
}

/** A prompt as `turn/start` takes it. */
function inputOf(prompt: Prompt): Json[] {
  const images = imagesOf(prompt).map(({ path }) => ({ type: "localImage", path }));
  return [{ type: "text", text: wordsOf(prompt) }, ...images];
}

/** What a promise comes to; undefined when it takes longer than so many milliseconds. */
async function inTime<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
