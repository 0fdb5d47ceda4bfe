/**
 * The driver for Claude Code's control protocol: user messages and answers go into its standard
 * input, its lines and its questions come out, and one process takes one turn after another.
 *
 * Lines of the protocol itself are not passed on; what they mean reaches a person as questions and
 * answers.
 *
 * @see {@link https://docs.claude.com/en/docs/agent-sdk/overview | Agent SDK, which speaks it too}
 * @module
 */

import { reason } from "@agentx/common";
import { claudeGrammar } from "../events/claude.ts";
import { fields, text } from "../events/fields.ts";
import { type Json, parseLine, type TurnEnd } from "../events/mod.ts";
import { Child } from "./child.ts";
import { blocksOf } from "./claude_message.ts";
import { answerFor, questionOf } from "./claude_questions.ts";
import { exitReason } from "./exit.ts";
import {
  type Conversation,
  type Driver,
  type Exit,
  type Host,
  type Program,
  type Prompt,
  StartError,
} from "./mod.ts";

/** How long it may take to start, in milliseconds: it waits for its MCP servers. */
const START_MS = 60_000;
/** How long it may take to obey an interrupt, in milliseconds; with a tool it takes a second. */
const OBEY_MS = 5000;
/** How long it may take to end once its standard input has, in milliseconds. */
const LEAVE_MS = 5000;
/** Questions that may be open at once; more are refused. */
const MAX_OPEN = 256;

/** Starts Claude Code with `--input-format stream-json --permission-prompt-tool stdio`. */
export const claudeStdio: Driver = async (program, host, signal) => {
  signal.throwIfAborted();
  const claude = new Claude(program, host);
  try {
    await claude.open(signal);
    return claude;
  } catch (error) {
    await claude.kill();
    throw error;
  }
};

/** A turn that has not ended. */
interface Turn {
  /** Of the user's message: Claude says by it what has become of the message. */
  uuid: string;
  /** Whether Claude tells what becomes of messages; older ones do not. */
  followed: boolean;
  started: boolean;
  interrupted: boolean;
  end: PromiseWithResolvers<TurnEnd>;
}

class Claude implements Conversation {
  readonly exit: Promise<Exit>;
  readonly #child: Child;
  readonly #questions = new Map<string, AbortController>();
  readonly #replies = new Map<string, (response: Json) => void>();
  #requests = 0;
  #leaving = false;
  #turn: Turn | undefined;
  #session: string | undefined;

  constructor(program: Program, private readonly host: Host) {
    this.#child = new Child(program, {
      line: (text) => this.#line(text),
      stderr: (text) => host.stderr(text),
      notice: (text) => host.notice(text),
    }, "piped");
    this.exit = this.#child.exit.then((exit) => this.#ended(exit));
  }

  get reusable(): boolean {
    return !this.#leaving && !this.#child.ended;
  }

  /** Shakes hands. @throws {StartError} when Claude does not, or the signal's reason. */
  async open(signal: AbortSignal): Promise<void> {
    const given = Promise.withResolvers<never>();
    const abort = () => given.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const timer = setTimeout(() => {
      given.reject(new StartError(`Claude Code did not come up within ${START_MS / 1000} s`));
    }, START_MS);
    try {
      const died = this.exit.then((exit) => Promise.reject(new StartError(exitReason(exit), exit)));
      const reply = await Promise.race([this.#control("initialize"), died, given.promise]);
      if (reply.subtype === "success") return;
      throw new StartError(`Claude Code does not speak with arpc: ${text(reply.error)}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  async turn(prompt: Prompt): Promise<TurnEnd> {
    if (this.#turn !== undefined) return { status: "failed", reason: "Another turn is running" };
    if (this.#child.ended) return { status: "failed", reason: exitReason(await this.exit) };
    const turn = this.#turn = {
      uuid: crypto.randomUUID(),
      followed: false,
      started: false,
      interrupted: false,
      end: Promise.withResolvers<TurnEnd>(),
    };
    try {
      const message = { role: "user", content: await blocksOf(prompt) };
      // It may have been interrupted while an image was read.
      if (turn.interrupted) return { status: "cancelled" };
      void this.#send({ type: "user", message, parent_tool_use_id: null, uuid: turn.uuid });
      return await turn.end.promise;
    } catch (error) {
      return { status: "failed", reason: reason(error) };
    } finally {
      turn.end.resolve({ status: "cancelled" });
      this.#turn = undefined;
    }
  }

  async interrupt(): Promise<void> {
    const turn = this.#turn;
    if (turn === undefined) return;
    turn.interrupted = true;
    // Also what waits behind the running turn, such as the news of a command in the background.
    void this.#control("interrupt", { cancel_queued: true });
    const timer = setTimeout(() => void this.kill(), OBEY_MS);
    await turn.end.promise;
    clearTimeout(timer);
  }

  /** Ends the process and all that belongs to it, by signals. */
  async kill(): Promise<void> {
    this.#leaving = true;
    await this.#child.stop();
  }

  #line(text: string): void {
    const line = parseLine(text);
    if (line === undefined || !this.#protocol(line)) this.host.line(text);
    if (line === undefined) return;
    const session = claudeGrammar.sessionId(line);
    if (session !== undefined && session !== this.#session) {
      this.host.cliSession(this.#session = session);
    }
    const end = claudeGrammar.end(line);
    const turn = this.#turn;
    // Claude takes turns by itself when a command in the background ends: not each result is ours.
    if (end === undefined || turn === undefined || turn.followed && !turn.started) return;
    const failed = end.status === "failed" && turn.interrupted;
    turn.end.resolve(failed ? { status: "cancelled" } : end);
  }

  /** Whether a line belongs to the protocol; it has then been dealt with. */
  #protocol(line: Json): boolean {
    switch (line.type) {
      case "control_request":
        void this.#asked(text(line.request_id), fields(line.request));
        return true;
      case "control_cancel_request":
        this.#questions.get(text(line.request_id))?.abort();
        return true;
      case "control_response": {
        const response = fields(line.response);
        this.#replies.get(text(response.request_id))?.(response);
        return true;
      }
      case "command_lifecycle":
        this.#follow(text(line.command_uuid), text(line.state));
        return true;
      case "keep_alive":
        return true;
      default:
        return false;
    }
  }

  /** What has become of a message. */
  #follow(uuid: string, state: string): void {
    const turn = this.#turn;
    if (turn?.uuid !== uuid) return;
    turn.followed = true;
    if (state === "queued") return;
    turn.started = true;
    if (state === "started") return;
    // A result has come before this, except where the message has never reached the model.
    turn.end.resolve(
      state === "completed"
        ? { status: "completed" }
        : turn.interrupted
        ? { status: "cancelled" }
        : { status: "failed", reason: `Claude Code has ${state || "dropped"} the message` },
    );
  }

  async #asked(id: string, request: Json): Promise<void> {
    if (request.subtype !== "can_use_tool") {
      return await this.#refuse(id, `arpc does not know ${text(request.subtype)}`);
    }
    if (this.#questions.size >= MAX_OPEN || this.#questions.has(id)) {
      return await this.#refuse(id, "arpc has too many open questions");
    }
    const controller = new AbortController();
    this.#questions.set(id, controller);
    try {
      const answer = await this.host.ask(questionOf(request), controller.signal);
      await this.#reply({
        subtype: "success",
        request_id: id,
        response: answerFor(request, answer),
      });
    } catch (error) {
      // Nobody waits for the answer to a question that Claude has taken back.
      if (!controller.signal.aborted) await this.#refuse(id, reason(error));
    } finally {
      this.#questions.delete(id);
    }
  }

  #refuse(id: string, error: string): Promise<void> {
    return this.#reply({ subtype: "error", request_id: id, error });
  }

  #reply(response: Json): Promise<void> {
    return this.#send({ type: "control_response", response });
  }

  /** Asks something of Claude; never settles when it does not answer. */
  async #control(subtype: string, more: Json = {}): Promise<Json> {
    const id = `arpc-${++this.#requests}`;
    const { promise, resolve } = Promise.withResolvers<Json>();
    this.#replies.set(id, resolve);
    void this.#send({ type: "control_request", request_id: id, request: { subtype, ...more } });
    const response = await promise;
    this.#replies.delete(id);
    return response;
  }

  #send(message: Json): Promise<void> {
    return this.#child.write(JSON.stringify(message));
  }

  #ended(exit: Exit): Exit {
    for (const controller of this.#questions.values()) controller.abort();
    const interrupted = this.#turn?.interrupted || this.#leaving;
    this.#turn?.end.resolve(
      interrupted ? { status: "cancelled" } : { status: "failed", reason: exitReason(exit) },
    );
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving = true;
    if (this.#turn === undefined) {
      this.#child.closeStdin();
      await this.#child.endsWithin(LEAVE_MS);
    }
    await this.kill();
  }
}
