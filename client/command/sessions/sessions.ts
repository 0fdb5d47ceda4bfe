/**
 * All sessions: made, found, listed, deleted.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import type { Approvals, PermissionEvent } from "../approvals.ts";
import type { CommandConfig } from "../config.ts";
import type { Probe } from "../executors/probe.ts";
import { Problem } from "../problem.ts";
import type { CreateSession, SessionInfo } from "../schemas.ts";
import { sweepChunks } from "./chunks.ts";
import { checkLaunch } from "./launch.ts";
import { Parked } from "./parked.ts";
import { makePlan } from "./plan.ts";
import {
  infoOf,
  lineOf,
  promptOf,
  Records,
  type SessionFilter,
  type SessionRecord,
  titleOf,
} from "./records.ts";
import type { Session } from "./session.ts";
import type { Store } from "./store.ts";
import { type Common, StoredSession } from "./stored_session.ts";

export type { SessionFilter };

const log = getLogger(["arpc", "sessions"]);

/** Seconds after which a session may find room. */
const RETRY_S = 10;

/** The sessions of this client; disposing ends what runs, as `interrupted`. */
export class Sessions implements AsyncDisposable {
  readonly #common: Common;
  readonly #running = new Set<StoredSession>();
  /** One object for each session, as long as somebody has it. */
  readonly #known = new Map<string, WeakRef<StoredSession>>();
  readonly #forgotten = new FinalizationRegistry<string>((id) => {
    if (this.#known.get(id)?.deref() === undefined) this.#known.delete(id);
  });
  readonly #watch: Disposable;
  /** Settles when nothing runs any more that an earlier run of the program has left. */
  readonly #left: Promise<void>;
  #sweeping: Promise<void> = Promise.resolve();
  #ending = false;

  /**
   * Completes what an earlier run of the program left as it was cut short.
   *
   * @param store which the caller disposes of, after this.
   */
  constructor(
    readonly config: CommandConfig,
    readonly store: Store,
    readonly approvals: Approvals,
    readonly probe: Probe,
  ) {
    const { limits } = config;
    this.#common = {
      config,
      store,
      approvals,
      probe,
      records: new Records(store),
      parked: new Parked(limits.sessions, limits.idle),
      admit: (session) => this.#admit(session.cliSession, session),
      alone: (session) => this.#alone(session),
      runs: (session, running) => {
        if (running) this.#running.add(session);
        else this.#running.delete(session);
      },
    };
    this.#watch = approvals.watch((event) => this.#tell(event));
    approvals.cancelLeft();
    const { records } = this.#common;
    this.#left = this.#endLeft(records.left().map((record) => this.#object(record)));
    for (const record of records.unfinished()) this.#object(record).recover();
    this.#sweep();
  }

  /**
   * Starts a session.
   *
   * @throws {Problem} 422 on an executor that is unknown or not installed, a mode it does not have,
   * a project that is not below a root; 403 on a mode that needs `--allow-bypass`; 413 on a prompt
   * that is too long; 429 when too many run; 409 when the session to resume runs; 503 when the
   * program ends.
   */
  async create(request: CreateSession): Promise<Session> {
    const resumed = this.#resumed(request);
    const wanted = {
      ...request,
      resume: resumed.id,
      project_path: request.project_path ?? resumed.project,
    };
    this.#admit(wanted.resume ?? null);
    const { executor, style, interactive, mode, project } = makePlan(
      wanted,
      this.config,
      this.probe,
    );
    const { installed, error } = await this.probe.look(executor);
    if (installed === undefined) {
      throw new Problem(
        422,
        `executor: ${executor.title} cannot be used: ${error ?? "not found"}. ` +
          `To install it: ${executor.install}`,
      );
    }
    this.#admit(wanted.resume ?? null);
    const now = Date.now();
    const record = {
      id: crypto.randomUUID(),
      executor: executor.name,
      driver: style.driver,
      interactive,
      status: "running" as const,
      busy: false,
      title: request.title === undefined ? titleOf(request.prompt) : lineOf(request.title),
      prompt: promptOf(request.prompt),
      project_path: project,
      model: request.model ?? null,
      permission_mode: mode,
      allowed_tools: request.allowed_tools ?? [],
      extra_args: request.extra_args ?? [],
      resume: wanted.resume ?? null,
      resume_last: request.resume_last ?? false,
      cli_session_id: null,
      mark: null,
      created_at: now,
      updated_at: now,
      ended_at: null,
      turns: 0,
      exit_code: null,
      reason: null,
    };
    checkLaunch(record, style, installed);
    const session = this.#object(this.#common.records.insert(record));
    session.snapshot();
    try {
      session.send(request);
    } catch (error) {
      await this.#remove(session);
      throw error;
    }
    return session;
  }

  /** By our id, or the CLI's own: then the newest that has it. */
  find(id: string): Session | undefined {
    return this.#find(id);
  }

  /** Some sessions, newest first, and how many there are. */
  list(filter: SessionFilter): { items: SessionInfo[]; total: number } {
    const { items, total } = this.#common.records.list(filter);
    return { items: items.map((record) => this.#info(record)), total };
  }

  /**
   * Ends it if it runs, and removes it with its output and what was attached.
   *
   * @throws {Problem} 404 when there is none of that id.
   */
  async delete(id: string): Promise<void> {
    const session = this.#find(id);
    if (session === undefined) throw new Problem(404, `There is no session ${id}.`);
    await this.#remove(session);
  }

  /** Ends what runs, and every CLI that waits; the sessions can be gone on with later. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    const outcome = { status: "interrupted", reason: "arpc ended while it ran" } as const;
    await Promise.all([...this.#running].map((session) => session.end(outcome)));
    await this.#common.parked[Symbol.asyncDispose]();
    // Some may be ending on their own.
    await Promise.all([...this.#known.values()].map((ref) => ref.deref()?.release()));
    this.#watch[Symbol.dispose]();
    await Promise.all([this.#left, this.#sweeping]);
  }

  async #remove(session: StoredSession): Promise<void> {
    await session.delete();
    this.#known.delete(session.id);
    this.#sweep();
  }

  #find(id: string): StoredSession | undefined {
    const known = this.#known.get(id)?.deref();
    if (known !== undefined) return known;
    const record = this.#common.records.find(id);
    return record === undefined ? undefined : this.#object(record);
  }

  #object(record: SessionRecord): StoredSession {
    const known = this.#known.get(record.id)?.deref();
    if (known !== undefined) return known;
    const session = new StoredSession(this.#common, record);
    this.#known.set(record.id, new WeakRef(session));
    this.#forgotten.register(session, record.id);
    return session;
  }

  #info(record: SessionRecord): SessionInfo {
    const known = this.#known.get(record.id)?.deref();
    if (known !== undefined) return known.info;
    const waiting = { queued: 0, permissions: this.approvals.pending(record.id) };
    return infoOf(record, this.#common.records.extent(record), waiting);
  }

  /** The CLI's session that a request is to go on with, and where it worked if it is one of ours. */
  #resumed({ resume, executor }: CreateSession): { id?: string; project?: string } {
    if (resume === undefined) return {};
    const session = this.#find(resume);
    if (session === undefined) return { id: resume };
    const { info, cliSession, project } = session;
    if (info.executor !== executor) {
      throw new Problem(
        422,
        `resume: ${resume} is a session of ${info.executor}, which ${executor} cannot go on with`,
      );
    }
    if (cliSession === null) {
      throw new Problem(422, `resume: ${info.title} never got an id of the CLI; start a new one`);
    }
    return { id: cliSession, project };
  }

  #admit(cliSession: string | null, but?: StoredSession): void {
    if (this.#ending) throw new Problem(503, "arpc is ending.", {}, RETRY_S);
    const max = this.config.limits.sessions;
    if (this.#running.size >= max) {
      throw new Problem(
        429,
        `${max} sessions run already (--max-sessions): wait for one to end, or cancel one`,
        {},
        RETRY_S,
      );
    }
    const busy = this.#others(cliSession, but).find(({ running }) => running);
    if (busy === undefined) return;
    throw new Problem(
      409,
      `Session ${busy.id} runs and works on the same session of the CLI: send it a message instead`,
      { session_id: busy.id },
    );
  }

  /** Ends what an earlier run of the program left, and the waiting CLIs of other sessions of it. */
  async #alone(session: StoredSession): Promise<void> {
    const others = this.#others(session.cliSession, session);
    await Promise.all([this.#left, ...others.map((one) => one.release())]);
  }

  async #endLeft(sessions: readonly StoredSession[]): Promise<void> {
    const tell = (what: string) => log.warning("Processes of an earlier run", { what });
    // One after another: each asks who runs on this machine, and there is no hurry.
    for (const session of sessions) await session.endLeft(tell);
  }

  /** Other sessions that somebody has, with the same session of the CLI. */
  #others(cliSession: string | null, but: StoredSession | undefined): StoredSession[] {
    if (cliSession === null) return [];
    return [...this.#known.values()].map((ref) => ref.deref())
      .filter((one) => one !== undefined)
      .filter((one) => one !== but && one.cliSession === cliSession);
  }

  /** What happens to a question stands in the log of its session. */
  #tell(event: PermissionEvent): void {
    const id = event.permission.session_id;
    if (id !== null) this.#find(id)?.log.own({ ...event });
  }

  /** Removes the output of deleted sessions, in pieces, so that others are not held up. */
  #sweep(): void {
    this.#sweeping = this.#sweeping.then(async () => {
      while (!this.#ending && sweepChunks(this.store)) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }).catch((error) => {
      log.error("Cannot remove the output of deleted sessions", { why: reason(error) });
    });
  }
}
