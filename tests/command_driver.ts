/**
 * Conversations with the real CLIs at the level of executor and driver: no API, no tunnel.
 *
 * @module
 */

import { reason } from "@agentx/common";
import type {
  Answer,
  Conversation,
  Host,
  Prompt,
  Question,
} from "../client/command/drivers/mod.ts";
import { type Json, parseLine } from "../client/command/events/mod.ts";
import type { Executor, Installed, Style, Task } from "../client/command/executors/mod.ts";
import { inspect } from "../client/command/executors/probe.ts";
import { CLI_PATIENCE_MS, type CliHome, CLIS } from "./clis.ts";
import { within } from "./helpers.ts";

/** How a test answers questions; a person who is asked may take their time. */
export type Answerer = (question: Question, signal: AbortSignal) => Answer | Promise<Answer>;

/** Denies everything, as a person does who was not expected to be asked. */
export const DENY: Answerer = () => ({ action: "deny", reason: "not in this test" });
/** Approves everything, once. */
export const APPROVE: Answerer = () => ({ action: "approve", scope: "once" });

/** A host that keeps what it is told, and answers questions as the test says. */
export class RecordingHost implements Host {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly notices: string[] = [];
  /** The ids of the CLI's session, in order. */
  readonly sessions: string[] = [];
  readonly questions: Question[] = [];
  /** How the next question is answered. */
  answer: Answerer;
  #waiting = new Set<() => void>();

  constructor(answer: Answerer = DENY) {
    this.answer = answer;
  }

  line(text: string): void {
    this.lines.push(text);
    this.#wake();
  }

  stderr(text: string): void {
    this.errors.push(text);
  }

  notice(text: string): void {
    this.notices.push(text);
  }

  cliSession(id: string): void {
    this.sessions.push(id);
  }

  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    this.questions.push(question);
    this.#wake();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return await Promise.race([this.answer(question, signal), aborted]);
  }

  /** The first line of JSON that fits, from the one with index `from` on, as soon as it is there. */
  heard(fits: (line: Json, text: string) => boolean, from = 0): Promise<Json> {
    return this.#first(
      "a line of the CLI",
      () =>
        this.lines.slice(from).map((text) => ({ text, line: parseLine(text) }))
          .find(({ text, line }) => line !== undefined && fits(line, text))?.line,
    );
  }

  /** Question number `n`, counted from 0, as soon as it is asked. */
  asked(n = 0): Promise<Question> {
    return this.#first(`question ${n} of the CLI`, () => this.questions[n]);
  }

  /** What the style's grammar makes of all lines; of one kind, where that is named. */
  events(style: Style, kind?: string): Json[] {
    return this.lines.map(parseLine).filter((line) => line !== undefined)
      .flatMap((line) => style.grammar.events(line))
      .filter(({ sessionUpdate }) => kind === undefined || sessionUpdate === kind);
  }

  /** The words of the model, put together. */
  said(style: Style): string {
    return this.events(style, "agent_message_chunk")
      .map(({ content }) => (content as { text?: string }).text ?? "").join("");
  }

  async #first<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = Promise.withResolvers<T>();
    const wake = () => {
      const one = look();
      if (one !== undefined) found.resolve(one);
    };
    this.#waiting.add(wake);
    wake();
    try {
      return await within(CLI_PATIENCE_MS, what, found.promise);
    } catch (error) {
      const said = [...this.lines, ...this.errors].slice(-10).map((line) => line.slice(0, 300));
      throw new Error(`${reason(error)}; it said last:\n${said.join("\n")}`, { cause: error });
    } finally {
      this.#waiting.delete(wake);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** What {@link converse} takes beside what it needs. */
export interface ConverseOptions extends Partial<Omit<Task, "cwd">> {
  style?: "interactive" | "stream";
  /** Variables that win over those of the home. */
  env?: Record<string, string>;
}

/** A CLI that has been started, and what it was started with. */
export interface Talk extends AsyncDisposable {
  conversation: Conversation;
  host: RecordingHost;
  style: Style;
  /** The arguments it was given. */
  args: readonly string[];
  /** One turn with a text, which must end in time. */
  turn(text: string, attachments?: Prompt["attachments"]): ReturnType<Conversation["turn"]>;
}

const known = new Map<string, Promise<Installed>>();

/** Starts a real CLI in the project of a home; disposing ends it. */
export async function converse(
  executor: Executor,
  home: CliHome,
  host: RecordingHost,
  { style: wanted, env = {}, ...task }: ConverseOptions = {},
): Promise<Talk> {
  const style = wanted === "stream" ? executor.stream : executor.interactive ?? executor.stream;
  const { path } = CLIS[executor.name]!;
  let installed = known.get(path);
  if (installed === undefined) {
    // Many tests that begin at once make a slow machine slower.
    installed = inspect(path, executor.help, { ...home.env }, CLI_PATIENCE_MS);
    known.set(path, installed);
  }
  const launch = style.launch({
    newId: crypto.randomUUID(),
    cwd: home.project,
    model: undefined,
    mode: executor.modes[0]!.name,
    allowedTools: [],
    resume: undefined,
    resumeLast: false,
    extra: [],
    ...task,
  }, await installed);
  const program = {
    path,
    args: launch.args,
    env: { ...home.env, ...launch.env, ...env },
    cwd: home.project,
  };
  const starting = new AbortController();
  const conversation = await within(
    CLI_PATIENCE_MS,
    `the start of ${path}`,
    launch.driver(program, host, starting.signal),
  );
  return {
    conversation,
    host,
    style,
    args: launch.args,
    turn: (text, attachments = []) =>
      within(
        CLI_PATIENCE_MS,
        `the end of the turn "${text}"`,
        conversation.turn({ text, attachments }),
      ),
    [Symbol.asyncDispose]: () => conversation[Symbol.asyncDispose](),
  };
}

/** The numbers of the processes whose command line holds this text; Unix only. */
export async function processesWith(text: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,stat=,args="] })
    .output();
  return new TextDecoder().decode(stdout).split("\n")
    .map((line) => /^\s*(\d+)\s+(\S+)\s(.*)$/.exec(line))
    .filter((match) => match !== null && !match[2]!.startsWith("Z") && match[3]!.includes(text))
    .map((match) => Number(match![1]));
}

/** Settles when no process has this text in its command line. */
export function noProcessWith(text: string): Promise<void> {
  const none = async () => (await processesWith(text)).length === 0;
  return until(`the end of all processes with "${text}"`, none);
}

/** Settles when there is such a file. */
export function fileAt(path: string): Promise<void> {
  return until(`a file ${path}`, () => Deno.stat(path).then(() => true, () => false));
}

/** Looks again and again, for what nobody tells of. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + CLI_PATIENCE_MS;
  while (!await isSo()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${CLI_PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
