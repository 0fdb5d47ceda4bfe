/**
 * How a process is made to end, with all that belongs to it.
 *
 * @module
 */

import { reason } from "@agentx/common";
import {
  ENDING,
  type EndingSignal,
  familyOf,
  type Process,
  signalAll,
  signalGroup,
} from "./processes.ts";

/** Milliseconds between one signal and the next, stronger one. */
const PATIENCE_MS = 3000;
/** Longest pause before looking again whether the family has ended, in milliseconds. */
const MAX_PAUSE_MS = 400;

/** A process of ours that leads a group. */
export interface Leader {
  readonly pid: number;
  /** Whether it has ended. */
  readonly gone: boolean;
  /** Settles when it has. Never rejects. */
  readonly end: Promise<unknown>;
  /** Signals it alone, without any other program; it may have ended. */
  kill(signal: EndingSignal): void;
}

/**
 * SIGINT, SIGTERM, SIGKILL, with time in between, to a process and to all that belongs to it, also
 * when it has ended itself. Some CLIs put the shells of their tools into sessions of their own, and
 * some are a wrapper that goes first, so who belongs to it is asked before each signal. Never
 * rejects.
 *
 * @param mark of the family: see `Kin`; without it, what has left the group goes unseen.
 * @param tell told of what could not be ended, one line for a person.
 */
export async function endFamily(
  mark: string | undefined,
  tell: (text: string) => void,
  leader?: Leader,
): Promise<void> {
  const ending = new Ending(mark, tell, leader);
  for (const signal of ENDING) {
    if (await ending.isDone()) return;
    await ending.signal(signal);
    await ending.wait(PATIENCE_MS);
  }
  if (await ending.isDone()) return;
  const pids = [...ending.hasLeader ? [leader!.pid] : [], ...ending.family.map(({ pid }) => pid)];
  tell(`These processes did not end: ${pids.join(", ")}`);
}

class Ending {
  family: Process[] = [];
  #complained = false;

  constructor(
    private readonly mark: string | undefined,
    private readonly tell: (text: string) => void,
    private readonly leader: Leader | undefined,
  ) {}

  get hasLeader(): boolean {
    return this.leader?.gone === false;
  }

  async isDone(): Promise<boolean> {
    await this.#look(this.mark);
    return !this.hasLeader && this.family.length === 0;
  }

  async signal(signal: EndingSignal): Promise<void> {
    const { leader } = this;
    try {
      if (leader?.gone === false) await signalGroup(leader.pid, signal);
      // While it lives, the sessions of its tools are its own business.
      if (!this.hasLeader || signal === "SIGKILL") await signalAll(this.family, signal);
    } catch (error) {
      this.#complain(error);
      leader?.kill(signal);
    }
  }

  /** Waits until all have ended, but not for long. */
  async wait(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    if (this.leader !== undefined && !await inTime(this.leader.end, ms)) return;
    for (let pause = 50;; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      await this.#look();
      if (this.family.length === 0 || Date.now() + pause > deadline) return;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #look(mark?: string): Promise<void> {
    try {
      this.family = await familyOf({ leader: this.leader, known: this.family, mark });
    } catch (error) {
      this.#complain(error);
      this.family = [];
    }
  }

  #complain(error: unknown): void {
    if (!this.#complained) this.tell(`Processes of this CLI may be left: ${reason(error)}`);
    this.#complained = true;
  }
}

/** Whether a promise, which never rejects, is settled within so many milliseconds. */
export async function inTime(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([promise.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
