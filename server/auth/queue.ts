/**
 * A few jobs at a time, and a few that wait.
 *
 * @module
 */

/** Options of {@link JobQueue}. */
export interface JobQueueOptions {
  /** Jobs that run at the same time. */
  running: number;
  /** Jobs that may wait. */
  waiting: number;
  /** How long a job may wait for its turn, in milliseconds. */
  patience: number;
}

/** There is no turn for a job, now or in time. */
export class QueueFullError extends Error {
  override name = "QueueFullError";
}

/** Runs jobs in their order. */
export class JobQueue {
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly options: JobQueueOptions) {}

  /**
   * Runs a job when it is its turn.
   *
   * @throws {QueueFullError} when too many wait, or it has waited too long.
   */
  async run<T>(job: () => Promise<T>): Promise<T> {
    const { running, waiting, patience } = this.options;
    if (this.#running >= running) {
      if (this.#waiting.length >= waiting) throw new QueueFullError("too many wait");
      const since = performance.now();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (performance.now() - since > patience) {
        this.#next();
        throw new QueueFullError("it waited too long");
      }
    } else this.#running++;
    try {
      return await job();
    } finally {
      this.#next();
    }
  }

  /** The turn goes to the next one in line. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
