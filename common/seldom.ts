/**
 * Log lines that anybody out there can cause: a flood of peers must not become a flood of lines.
 *
 * @module
 */

import type { Logger } from "./log.ts";

/** Lines shown one by one in each while, and how long a while is, in milliseconds. */
const SHOWN = 20;
const WHILE_MS = 10_000;

/** How loud such a line is. */
export type SeldomLevel = "debug" | "info" | "warning";

interface Count {
  level: SeldomLevel;
  message: string;
  since: number;
  shown: number;
  /** Lines left out, and the last of them. */
  left: number;
  last: Record<string, unknown>;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Shows the first few lines of each kind, and one for those that follow, which says how many. */
export class Seldom implements Disposable {
  #counts = new Map<string, Count>();

  /**
   * @param most lines with the same message in a while.
   * @param ms how long a while is.
   */
  constructor(
    private readonly logger: Logger,
    private readonly most: number = SHOWN,
    private readonly ms: number = WHILE_MS,
  ) {}

  /** {@link Seldom.log}, a warning. */
  warning(message: string, fields: Record<string, unknown>): void {
    this.log("warning", message, fields);
  }

  /** Logs a line, now or as one of many later; the message is one of a few constant ones. */
  log(level: SeldomLevel, message: string, fields: Record<string, unknown>): void {
    const now = performance.now();
    const kind = `${level} ${message}`;
    let count = this.#counts.get(kind);
    if (count === undefined || (count.left === 0 && now - count.since >= this.ms)) {
      count = { level, message, since: now, shown: 0, left: 0, last: fields, timer: undefined };
      this.#counts.set(kind, count);
    }
    if (count.shown < this.most) {
      count.shown++;
      return this.logger[level](message, fields);
    }
    count.left++;
    count.last = fields;
    if (count.timer !== undefined) return;
    count.timer = setTimeout(() => this.#tell(kind), count.since + this.ms - now);
    Deno.unrefTimer(count.timer); // no reason for a program to stay
  }

  /** Tells at once what was left out. */
  [Symbol.dispose](): void {
    for (const [kind, { timer }] of this.#counts) {
      clearTimeout(timer);
      if (timer !== undefined) this.#tell(kind);
    }
  }

  #tell(kind: string): void {
    const count = this.#counts.get(kind);
    this.#counts.delete(kind);
    if (count === undefined) return;
    const { level, message, last, left } = count;
    this.logger[level](message, { ...last, times: left });
  }
}
