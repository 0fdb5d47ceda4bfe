/**
 * The turns of a session, one after another: what is said to the CLI, how it ends, what waits.
 *
 * @module
 */

import { reason } from "@agentx/common";
import type { Conversation, Exit, Prompt } from "../drivers/mod.ts";
import type { TurnEnd } from "../events/mod.ts";
import { sleep } from "../../sleep.ts";
import type { Cli } from "./cli.ts";
import type { Message, Queue } from "./queue.ts";
import { type Change, lineOf } from "./records.ts";
import type { StoredLog } from "./stored_log.ts";

/** How long after the end of its process a driver may take to say how the turn ended. */
const PATIENCE_MS = 5000;

/** How a turn ended, or is to end: `interrupted` when it was the program that ended. */
export type TurnOutcome = TurnEnd | { status: "interrupted"; reason: string };

/** What the turns of a session need of it. */
export interface TurnsOwner {
  readonly log: StoredLog;
  readonly queue: Queue;
  readonly cli: Cli;
  /** Changes the session's record; in the store, as a part of a commit of its log. */
  change(change: Change): void;
  /** A turn begins. */
  begins(): void;
  /** Turns run from now on, or do not any more. */
  runs(running: boolean): void;
}

/** Runs the turns of one session. */
export class Turns {
  #running = false;
  #current = 0;
  #cut: TurnOutcome | undefined;
  #abort = new AbortController();
  #ended = Promise.withResolvers<void>();
  #loop: Promise<void> = Promise.resolve();

  /** @param turns how many there have been. */
  constructor(private readonly owner: TurnsOwner, turns: number) {
    this.#current = turns;
    this.#abort.abort();
  }

  /** Whether a turn runs or waits. */
  get running(): boolean {
    return this.#running;
  }

  /** The number of the next message's turn. */
  get next(): number {
    return this.#current + this.owner.queue.length + 1;
  }

  /** Aborted when the running turn is over, or has to end; aborted while none runs. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Begins a turn with it, or queues it. */
  push(message: Message): void {
    this.owner.queue.push(message);
    if (this.#running) return;
    this.#running = true;
    this.owner.runs(true);
    this.#loop = this.#run();
  }

  /** Settles when no turn runs or waits. */
  idle(): Promise<void> {
    return this.#loop;
  }

  /**
   * Cuts the running turn short, and drops what waits. How it ends is on record at once; when this
   * returns, no process is left.
   */
  async end(outcome: TurnOutcome): Promise<void> {
    const { log, queue, cli } = this.owner;
    if (!this.#running) return await cli.close();
    const first = this.#cut === undefined;
    this.#cut ??= outcome;
    const { status } = this.#cut;
    tellDropped(log, queue.clear());
    log.commit(() => {
      queue.cleared();
      if (first) this.owner.change({ status });
    });
    const { promise } = this.#ended;
    if (first) {
      this.#abort.abort();
      await cli.stop();
    }
    await promise;
  }

  /** Goes on until nothing waits; never rejects. */
  async #run(): Promise<void> {
    for (let more = true; more;) {
      const message = this.owner.queue.shift()!;
      this.#begin(message);
      const { end, exit } = await this.#speak(message);
      more = this.#finish(end, exit);
    }
  }

  #begin(message: Message): void {
    const { log, queue } = this.owner;
    const { turn, text, attachments } = message;
    this.#current = turn;
    this.#cut = undefined;
    this.#abort = new AbortController();
    this.#ended = Promise.withResolvers();
    this.owner.begins();
    const files = attachments.map(({ name, mediaType }) => ({ name, media_type: mediaType }));
    const more = files.length === 0 ? {} : { attachments: files };
    log.own({ type: "user_message", turn, text, ...more });
    log.commit(() => {
      queue.begun(message);
      this.owner.change({
        status: "running",
        busy: true,
        turns: turn,
        ended_at: null,
        exit_code: null,
        reason: null,
      });
    });
  }

  async #speak({ text, attachments }: Message): Promise<{ end: TurnOutcome; exit?: Exit }> {
    let conversation: Conversation | undefined;
    let end: TurnOutcome = { status: "failed", reason: "The turn did not begin" };
    try {
      conversation = await this.owner.cli.conversation(this.#abort.signal);
      if (this.#cut === undefined) end = await turnOf(conversation, { text, attachments });
    } catch (error) {
      end = { status: "failed", reason: reason(error) };
    }
    // Nobody needs to answer any more what it asked.
    this.#abort.abort();
    if (conversation === undefined) return { end };
    const exit = await this.#exitOf(conversation, end);
    return exit === undefined ? { end } : { end, exit };
  }

  /** How the process has ended, if it has or must; it is gone then, with all that it left. */
  async #exitOf(conversation: Conversation, end: TurnOutcome): Promise<Exit | undefined> {
    const over = this.#cut !== undefined || !conversation.reusable ||
      end.status !== "completed" && await hasEnded(conversation);
    if (!over) return undefined;
    await this.owner.cli.close();
    return await conversation.exit;
  }

  /**
   * Completes the turn.
   *
   * @returns whether another one waits; if not, this was the last that the loop may do, since a
   * message may come that begins a loop of its own.
   */
  #finish(end: TurnOutcome, exit: Exit | undefined): boolean {
    const { log, queue, cli } = this.owner;
    const outcome = this.#cut ?? end;
    const more = queue.length > 0;
    // Who follows the log looks at this when the completion comes.
    this.#running = more;
    complete(log, this.#current, outcome, exit?.code ?? null, (change) => {
      this.owner.change(more ? { ...change, status: "running" } : change);
    });
    if (!more) {
      cli.park();
      this.owner.runs(false);
    }
    this.#ended.resolve();
    return more;
  }
}

/** Writes the completion of a turn, and with it what changes in the session's record. */
export function complete(
  log: StoredLog,
  turn: number,
  outcome: TurnOutcome,
  exitCode: number | null,
  change: (change: Change) => void,
): void {
  const { status } = outcome;
  const why = outcome.reason === undefined ? null : lineOf(outcome.reason);
  log.own({
    type: "completion",
    turn,
    success: status === "completed",
    status,
    exit_code: exitCode,
    reason: why,
    total_lines: log.next,
  });
  log.commit(() =>
    change({ status, busy: false, ended_at: Date.now(), exit_code: exitCode, reason: why })
  );
}

/** Says in the log which messages will have no turn. */
export function tellDropped(log: StoredLog, messages: readonly Message[]): void {
  for (const { text } of messages) {
    const words = text.length > 200 ? `${text.slice(0, 200)}…` : text;
    log.own({ type: "notice", text: `A message that waited was dropped: ${words}` });
  }
}

/** One turn, whose end is known at the latest some time after that of the process. */
async function turnOf(conversation: Conversation, prompt: Prompt): Promise<TurnEnd> {
  const settled = new AbortController();
  const late = async (): Promise<TurnEnd> => {
    await conversation.exit;
    await sleep(PATIENCE_MS, settled.signal);
    return { status: "failed", reason: "The CLI ended in the middle of the turn" };
  };
  try {
    return await Promise.race([conversation.turn(prompt), late()]);
  } finally {
    settled.abort();
  }
}

/** Whether its process has ended already. */
async function hasEnded({ exit }: Conversation): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), 0));
  const ended = await Promise.race([exit.then(() => true), alive]);
  clearTimeout(timer);
  return ended;
}
