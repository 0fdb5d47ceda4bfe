/**
 * Log lines that anybody out there can cause: a flood of peers must not become a flood of lines.
 *
 * @module
 */

import type { Logger } from "./log.ts";

/** Lines shown one by one in each while, and how long a while is, in milliseconds. */
const SHOWN = 20;
const WHILE_MS = 10_000;

interface Count {
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
    private readonly log: Logger,
    private readonly most: number = SHOWN,
    private readonly ms: number = WHILE_MS,
  ) {}

  /** Logs a warning, now or as one of many later; the message is one of a few constant ones. */
  warning(message: string, fields: Record<string, unknown>): void {
    const now = performance.now();
    let count = this.#counts.get(message);
    if (count === undefined || (count.left === 0 && now - count.since >= this.ms)) {
      count = { since: now, shown: 0, left: 0, last: fields, timer: undefined };
      this.#counts.set(message, count);
    }
    if (count.shown < this.most) {
      count.shown++;
      return this.log.warning(message, fields);
    }
    count.left++;
    count.last = fields;
    if (count.timer !== undefined) return;
    count.timer = setTimeout(() => this.#tell(message), count.since + this.ms - now);
    Deno.unrefTimer(count.timer); // no reason for a program to stay
  }

  /** Tells at once what was left out. */
  [Symbol.dispose](): void {
    for (const [message, { timer }] of this.#counts) {
      clearTimeout(timer);
      if (timer !== undefined) this.#tell(message);
    }
  }

  #tell(message: string): void {
    const count = this.#counts.get(message);
    this.#counts.delete(message);
    if (count !== undefined) this.log.warning(message, { ...count.last, times: count.left });
  }
}
