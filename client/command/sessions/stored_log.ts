/**
 * The log of a session that is written: what comes at once is committed at once, and then shown.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { Chunks, type Extent } from "./chunks.ts";
import type { Line, LineKind, SessionLog } from "./log.ts";
import type { Store } from "./store.ts";

const log = getLogger(["arpc", "sessions"]);

/** How much of the newest output is kept in memory for those who follow, in characters. */
const TAIL_CHARACTERS = 256 * 1024;

/** Lines that were committed at once. */
interface Batch {
  lines: Line[];
  characters: number;
}

/** What a {@link StoredLog} needs to know. */
export interface StoredLogOptions {
  /** The session's `key` in the store. */
  session: number;
  epoch: string;
  /** Bytes of output that are kept; the oldest goes first. */
  limit: number;
  /** The output cannot be written any more, and what came last is lost. */
  fault(why: string): void;
}

/** A session's log, on disk. Only one object may write a session's lines. */
export class StoredLog implements SessionLog {
  readonly epoch: string;
  readonly #chunks: Chunks;
  #extent: Extent;
  #tail: Batch[] = [];
  #tailCharacters = 0;
  #pending: Line[] = [];
  #scheduled = false;
  #faulty = false;
  #toldOfTrim: boolean;
  #open = true;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly store: Store, private readonly options: StoredLogOptions) {
    this.epoch = options.epoch;
    this.#chunks = new Chunks(store, options.session);
    this.#extent = this.#chunks.extent();
    this.#toldOfTrim = this.first > 1;
  }

  get first(): number {
    return this.#extent.first;
  }

  get last(): number {
    return this.#extent.last;
  }

  /** When the newest line came, in milliseconds since 1970; 0 without any. */
  get at(): number {
    return this.#extent.at;
  }

  /** The number that the next line gets that is appended. */
  get next(): number {
    return this.last + this.#pending.length + (this.#trimUntold ? 2 : 1);
  }

  get #trimUntold(): boolean {
    return this.first > 1 && !this.#toldOfTrim;
  }

  /**
   * Adds a line; a line end in it becomes a space. It is on disk when the code that runs now has come
   * to its end: a CLI's lines that were read at once cost one commit.
   */
  append(kind: LineKind, text: string): void {
    if (!this.#open) return;
    if (this.#trimUntold) this.#tellOfTrim();
    const line = text.includes("\n") ? text.replaceAll("\n", " ") : text;
    this.#pending.push({ n: this.next, kind, text: line });
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.commit());
  }

  /** Adds a line of our own, with the time. */
  own(line: { type: string; [key: string]: unknown }): void {
    this.append("own", JSON.stringify({ ...line, time: new Date().toISOString() }));
  }

  /**
   * Writes what was appended now, and with it, all or nothing, what `also` writes.
   *
   * @returns whether it is on disk. If not, the lines are lost, and {@link StoredLogOptions.fault}
   * was called.
   */
  commit(also?: () => void): boolean {
    this.#scheduled = false;
    const lines = this.#pending;
    this.#pending = [];
    if (lines.length === 0 && also === undefined) return true;
    try {
      this.#extent = this.store.transaction(() => this.#write(lines, also));
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#faulty = false;
    this.#remember(lines);
    this.#wake();
    return true;
  }

  #write(lines: readonly Line[], also: (() => void) | undefined): Extent {
    const extent = this.#chunks.append(lines, this.#extent);
    also?.();
    const excess = extent.end - this.options.limit;
    return excess > extent.start ? { ...extent, ...this.#chunks.trim(excess) } : extent;
  }

  #remember(lines: Line[]): void {
    if (lines.length === 0) return;
    const characters = lines.reduce((sum, { text }) => sum + text.length, 0);
    this.#tail.push({ lines, characters });
    this.#tailCharacters += characters;
    // The newest stays, however long: a line of many MiB is read once for all who follow.
    while (this.#tailCharacters > TAIL_CHARACTERS && this.#tail.length > 1) {
      this.#tailCharacters -= this.#tail.shift()!.characters;
    }
  }

  /** With the line after the one that made it so: nothing stands behind the completion of a turn. */
  #tellOfTrim(): void {
    this.#toldOfTrim = true;
    const mib = Math.round(this.options.limit / 1024 / 1024);
    this.own({
      type: "notice",
      text: `Only the newest ${mib} MiB are kept (--max-output-mb); what is older is gone`,
    });
  }

  #fail(error: unknown): void {
    if (!this.#faulty) {
      this.#faulty = true;
      const why = `Cannot write its output to ${this.store.path}: ${reason(error)}`;
      log.error("Cannot write the output of a session", { why: reason(error) });
      this.options.fault(why);
    }
    this.#wake();
  }

  read(from: number): Line[] {
    if (from > this.last || !this.#open) return [];
    const at = Math.max(from, this.first);
    const batch = this.#tail.findLast(({ lines }) => lines[0]!.n <= at);
    if (batch === undefined) return this.#chunks.read(at);
    const skipped = at - batch.lines[0]!.n;
    return skipped === 0 ? batch.lines : batch.lines.slice(skipped);
  }

  wait(n: number, signal: AbortSignal): Promise<void> {
    if (this.last > n || !this.#open || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  /** Nothing is written any more; who waits need not. */
  close(): void {
    this.#open = false;
    this.#pending = [];
    this.#wake();
  }
}
