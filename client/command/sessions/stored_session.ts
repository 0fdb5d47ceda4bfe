/**
 * A session as it is: its record and its log in the store, its CLI while one runs.
 *
 * @module
 */

import type { Approvals } from "../approvals.ts";
import type { CommandConfig } from "../config.ts";
import { Baseline } from "../diff.ts";
import { endFamily } from "../drivers/ending.ts";
import type { Grammar } from "../events/mod.ts";
import type { Probe } from "../executors/probe.ts";
import { Problem } from "../problem.ts";
import type { SendMessage, SessionInfo } from "../schemas.ts";
import { Attachments } from "./attachments.ts";
import { Cli } from "./cli.ts";
import { SessionHost } from "./host.ts";
import { launchCli } from "./launch.ts";
import type { Parked } from "./parked.ts";
import { checkMessage, planAgain } from "./plan.ts";
import { Queue } from "./queue.ts";
import { type Change, infoOf, lineOf, type Records, type SessionRecord } from "./records.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { StoredLog } from "./stored_log.ts";
import { complete, tellDropped, type TurnOutcome, Turns } from "./turns.ts";

/** Seconds after which a message may find room. */
const RETRY_S = 10;

/** What reads nothing: for sessions of an executor that is no more. */
const NO_GRAMMAR: Grammar = {
  sessionId: () => undefined,
  events: () => [],
  end: () => undefined,
};

/** What all sessions share. */
export interface Common {
  config: CommandConfig;
  store: Store;
  records: Records;
  approvals: Approvals;
  probe: Probe;
  parked: Parked;
  /**
   * Whether a session may begin to run.
   *
   * @throws {Problem} 429, 409, 503.
   */
  admit(session: StoredSession): void;
  /** Ends whatever else works on the same session of the CLI. */
  alone(session: StoredSession): Promise<void>;
  /** A session runs from now on, or does not any more. */
  runs(session: StoredSession, running: boolean): void;
}

/** A session in the store; there may be one object of each at most. */
export class StoredSession implements Session {
  readonly log: StoredLog;
  readonly attachments: Attachments;
  #record: SessionRecord;
  #deleted = false;
  readonly #queue: Queue;
  readonly #cli: Cli;
  readonly #turns: Turns;
  readonly #baseline: Baseline;
  #snapshot: Promise<void> = Promise.resolve();

  constructor(private readonly common: Common, record: SessionRecord) {
    const { config, probe, store, approvals, parked } = common;
    this.#record = record;
    this.log = new StoredLog(store, {
      session: record.key,
      epoch: record.epoch,
      limit: config.limits.output,
      fault: (why) => void this.end({ status: "failed", reason: why }),
    });
    this.attachments = new Attachments(config.stateFolder, record.id);
    this.#baseline = new Baseline(config.stateFolder, record.id);
    const host = new SessionHost(this.log, {
      knows: (id) => {
        if (id === this.#record.cli_session_id) return;
        this.log.commit(() => this.#change({ cli_session_id: id }));
      },
      ask: async (question, signal) => {
        // Between turns nobody wants to know: it leaves no trace, however many there are.
        this.#turns.signal.throwIfAborted();
        const over = AbortSignal.any([signal, this.#turns.signal]);
        return await approvals.ask(record.id, question, over).answer;
      },
    });
    this.#queue = new Queue(store, record.key);
    const mark = (mark: string | null) => void this.log.commit(() => this.#change({ mark }));
    this.#cli = new Cli(
      async (signal) => {
        await common.alone(this);
        this.#tellAnew();
        mark(crypto.randomUUID());
        return await launchCli(this.#record, config, probe, host, signal);
      },
      () => mark(null),
      parked,
    );
    this.#turns = new Turns({
      log: this.log,
      queue: this.#queue,
      cli: this.#cli,
      change: (change) => this.#change(change),
      begins: () => host.begin(),
      runs: (running) => common.runs(this, running),
    }, record.turns);
  }

  get id(): string {
    return this.#record.id;
  }

  get running(): boolean {
    return this.#turns.running;
  }

  /** The session of the CLI that it goes on with. */
  get cliSession(): string | null {
    return this.#record.cli_session_id ?? this.#record.resume;
  }

  /** Where it works. */
  get project(): string {
    return this.#record.project_path;
  }

  get info(): SessionInfo {
    return infoOf(this.#record, this.log, {
      queued: this.#queue.length,
      permissions: this.common.approvals.pending(this.id),
    });
  }

  get grammar(): Grammar {
    const executor = this.common.probe.named(this.#record.executor);
    const style = this.#record.interactive ? executor?.interactive : executor?.stream;
    return style?.grammar ?? NO_GRAMMAR;
  }

  send(message: SendMessage): number {
    const { config, probe } = this.common;
    if (this.#deleted) throw new Problem(409, "The session is being deleted.");
    const { executor, style } = planAgain(this.#record, config, probe);
    checkMessage(message, style, config);
    const max = config.limits.queue;
    if (this.#queue.length >= max) {
      throw new Problem(429, `${max} messages wait already: let some be done`, {}, RETRY_S);
    }
    const turn = this.#turns.next;
    const { resume, followUp } = style.capabilities;
    if (turn > 1 && !resume && !(followUp && this.#cli.ready)) {
      throw new Problem(422, `${executor.title} cannot go on with a session: start a new one`);
    }
    if (!this.running) this.common.admit(this);
    const attachments = this.attachments.write(turn, message.attachments ?? []);
    this.#turns.push({ turn, text: message.prompt, attachments });
    return turn;
  }

  async cancel(): Promise<void> {
    await this.end({ status: "cancelled" });
  }

  /** As {@link StoredSession.cancel}, with another outcome for the running turn. */
  async end(outcome: TurnOutcome): Promise<void> {
    await this.#turns.end(outcome);
  }

  /** Ends the CLI that waits for another turn. */
  async release(): Promise<void> {
    if (!this.running) await this.#cli.close();
  }

  /** Remembers what the project is like before the CLI changes it. The CLI need not wait for that. */
  snapshot(): void {
    this.#snapshot = this.#baseline.take(this.project);
  }

  rename(title: string): void {
    this.#change({ title: lineOf(title), updated_at: Date.now() });
  }

  idle(): Promise<void> {
    return this.#turns.idle();
  }

  /**
   * Ends the processes that its CLI left when the program was killed.
   *
   * @param tell told of those that do not end.
   */
  async endLeft(tell: (text: string) => void): Promise<void> {
    const { mark } = this.#record;
    if (mark === null) return;
    await endFamily(mark, tell);
    // Unless a CLI was started in the meantime.
    if (this.#record.mark === mark) this.log.commit(() => this.#change({ mark: null }));
  }

  /** Completes the turn that was cut short when the program ended. */
  recover(): void {
    const dropped = this.#queue.clear();
    tellDropped(this.log, dropped);
    const outcome: TurnOutcome = this.#record.status === "cancelled"
      ? { status: "cancelled" }
      : { status: "interrupted", reason: "arpc ended while it ran" };
    complete(this.log, this.#record.turns, outcome, null, (change) => {
      this.#queue.cleared();
      this.#change(change);
    });
  }

  /** Ends it, and removes it with all that belongs to it; its chunks are left to a sweep. */
  async delete(): Promise<void> {
    this.#deleted = true;
    await this.cancel();
    await this.attachments.remove();
    await this.#snapshot;
    await this.#baseline.remove();
    this.common.records.delete(this.#record);
    this.log.close();
  }

  /** A CLI that failed early may never have said which session it was. */
  #tellAnew(): void {
    const { turns, resume_last } = this.#record;
    if (turns === 1 || this.cliSession !== null || resume_last) return;
    this.log.own({
      type: "notice",
      text: "The CLI never named its session: it begins a new one, and knows nothing of this",
    });
  }

  #change(change: Change): void {
    const before = this.#record;
    // What is on disk may lag behind when that is full; what is true must not.
    this.#record = { ...before, ...change };
    this.common.records.update(before, change);
  }
}
