/**
 * A session with an agent of the Agent Client Protocol: one process, one turn after another.
 *
 * @see {@link https://agentclientprotocol.com/protocol/prompt-turn | ACP: prompt turn}
 * @module
 */

import { acpEnd } from "../events/acp.ts";
import { fields, oneLine, text } from "../events/fields.ts";
import type { Json, TurnEnd } from "../events/mod.ts";
import { promptBlocks } from "./acp_prompt.ts";
import { CANCELLED, type Outcome, outcomeOf, questionOf } from "./acp_questions.ts";
import { Replay } from "./acp_replay.ts";
import { type AcpOptions, errorText, type Opened, openSession, wantsLogin } from "./acp_session.ts";
import { inTime } from "./ending.ts";
import { EndedError, JsonRpc, type Message } from "./jsonrpc.ts";
import type { Answer, Conversation, Exit, Host, Program, Prompt } from "./mod.ts";

/** How long an agent may take to end a turn that was cancelled, in milliseconds. */
const CANCEL_MS = 4000;
/** How long an agent may take to end when its input has, in milliseconds. */
const LEAVE_MS = 1000;
/** How many sessions are remembered of which an agent may have kept nothing. */
const MAX_UNKEPT = 1000;
/** How many prompts of one turn may tell why something was denied. */
const MAX_EXPLAINED = 5;

/** See the module. {@link open} comes first. */
export class AcpConversation implements Conversation {
  readonly exit: Promise<Exit>;
  readonly #rpc: JsonRpc;
  readonly #replay = new Replay();
  #session: Opened = { id: "", prompts: undefined };
  /** No turn of the session was completed yet. */
  #new: boolean;
  /** Aborted when the running turn is cancelled; undefined without one. */
  #turn: AbortController | undefined;
  #over: Promise<void> = Promise.resolve();
  /** What was denied in this turn, and why. */
  #denied: string[] = [];
  /** The last piece of text of this turn. */
  #lastWords = "";

  /** @throws {StartError} when the program cannot be started. */
  constructor(
    private readonly program: Program,
    private readonly host: Host,
    private readonly options: AcpOptions,
  ) {
    this.#rpc = new JsonRpc(program, {
      line: (text, message) => this.#line(text, message),
      stderr: (text) => host.stderr(text),
      notice: (text) => host.notice(text),
      handlers: { "session/request_permission": (params, signal) => this.#asked(params, signal) },
      notification: (method, params) => this.#hear(method, params),
      withdraws: (method, { requestId }) =>
        method === "$/cancel_request" &&
          (typeof requestId === "string" || typeof requestId === "number")
          ? requestId
          : undefined,
    });
    this.exit = this.#rpc.child.exit;
    this.#new = options.resume === undefined && !options.resumeLast;
  }

  get reusable(): boolean {
    return !this.#rpc.child.ended;
  }

  /**
   * Opens the session.
   *
   * @param signal ends the start, and the process with it.
   * @throws {StartError} when that fails.
   */
  async open(signal: AbortSignal): Promise<void> {
    this.#session = await openSession(
      this.#rpc,
      this.program.cwd,
      this.options,
      (load) => this.#replay.during(load, signal),
    );
    const { resume, title } = this.options;
    const id = this.#session.id.trim();
    if (resume !== undefined && id !== resume) {
      this.host.notice(`${title} kept nothing of the session, and begins anew`);
      this.#new = true;
    }
    this.host.cliSession(id);
  }

  turn(prompt: Prompt): Promise<TurnEnd> {
    const turn = this.#turn = new AbortController();
    this.#denied = [];
    const end = this.#run(prompt, turn.signal).catch((error): TurnEnd => {
      if (turn.signal.aborted) return { status: "cancelled" };
      return { status: "failed", reason: this.#why(error) };
    });
    this.#over = end.then(() => {
      turn.abort();
      this.#turn = undefined;
    });
    return end;
  }

  async interrupt(): Promise<void> {
    if (this.#turn === undefined) return;
    // First the turn, then its questions: an agent that is told "cancelled" alone may go on.
    this.#rpc.notify("session/cancel", { sessionId: this.#session.id });
    this.#turn.abort();
    if (!await inTime(this.#over, CANCEL_MS)) await this.stop();
    await this.#over;
  }

  /** Ends the process, and all that descends from it. */
  async stop(): Promise<void> {
    await this.#rpc.child.stop();
  }

  async #run(prompt: Prompt, cancelled: AbortSignal): Promise<TurnEnd> {
    let blocks = await promptBlocks(prompt, this.#session.prompts);
    for (let explained = 0;; explained++) {
      cancelled.throwIfAborted();
      this.#lastWords = "";
      const answer = fields(
        await this.#rpc.request("session/prompt", {
          sessionId: this.#session.id,
          prompt: blocks,
        }),
      );
      if (cancelled.aborted) return { status: "cancelled" };
      const end = this.#ended(answer);
      if (end.status === "completed") this.#new = false;
      const denied = this.#denied.splice(0);
      if (end.status !== "completed" || denied.length === 0) return end;
      if (explained === MAX_EXPLAINED) {
        this.host.notice("The last reasons for a denial were not told: there were too many");
        return end;
      }
      const reasons = denied.join("\n");
      this.host.notice(`${this.options.title} is told: ${oneLine(reasons)}`);
      blocks = [{ type: "text", text: reasons }];
    }
  }

  #ended(answer: Json): TurnEnd {
    const end = acpEnd(answer) ?? { status: "failed", reason: "The CLI did not say how it ended" };
    const failure = end.status === "completed"
      ? this.options.failure?.(this.#lastWords)
      : undefined;
    return failure === undefined ? end : { status: "failed", reason: failure };
  }

  #why(error: unknown): string {
    if (error instanceof EndedError) return error.message;
    const { title, login } = this.options;
    if (!wantsLogin(error)) return errorText(error);
    return `${title} is not logged in (${errorText(error)}). ${login}`;
  }

  #line(line: string, message: Message): void {
    if (!this.#replay.holdsBack(message)) this.host.line(line);
  }

  #hear(method: string, params: Json): void {
    if (method !== "session/update") return;
    const { sessionUpdate, content } = fields(params.update);
    if (sessionUpdate === "agent_message_chunk") this.#lastWords = text(fields(content).text);
  }

  async #asked(params: Json, withdrawn: AbortSignal): Promise<Outcome> {
    const turn = this.#turn;
    if (turn === undefined || turn.signal.aborted) return CANCELLED;
    const question = questionOf(params);
    if (this.options.approves) {
      return outcomeOf({ action: "approve", scope: "once" }, params.options);
    }
    let answer: Answer;
    try {
      answer = await this.host.ask(question, AbortSignal.any([withdrawn, turn.signal]));
    } catch (error) {
      if (turn.signal.aborted) return CANCELLED;
      throw error;
    }
    if (answer.action === "deny" && answer.reason !== undefined) {
      this.#denied.push(`I denied "${question.title}": ${answer.reason}`);
    }
    return outcomeOf(answer, params.options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#new) this.#forget();
    if (this.#turn === undefined) {
      this.#rpc.child.closeStdin();
      await this.#rpc.child.endsWithin(LEAVE_MS);
    }
    await this.stop();
  }

  /** Remembers that the agent may have kept nothing of this session; not of all, for ever. */
  #forget(): void {
    const { unkept } = this.options;
    if (unkept === undefined) return;
    unkept.add(this.#session.id);
    for (const oldest of unkept) {
      if (unkept.size <= MAX_UNKEPT) break;
      unkept.delete(oldest);
    }
  }
}
