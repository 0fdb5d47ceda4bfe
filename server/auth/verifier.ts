/**
 * Checks tokens against slow hashes, without letting that become a burden.
 *
 * @module
 */

import { JobQueue } from "./queue.ts";
import { hashMatches, type SlowHash } from "./scrypt.ts";
import { Known } from "./known.ts";

/** Hashes at a time: one processor is left for everything else. */
const RUNNING = Math.max(1, Math.min(2, navigator.hardwareConcurrency - 1));
/** Hashes that wait, and how long, in milliseconds: after 10 s a client gives up. */
const WAITING = 100;
const PATIENCE_MS = 8000;
/** Right tokens that are remembered. */
const MAX_KNOWN = 10_000;

/** Of whoever asks: whether it may, and what becomes of it. */
export interface Asker {
  /** Throws when it may not, which may have become so only when it is its turn. */
  admit(): void;
  /** Its token was wrong: called before anybody else has a turn. */
  failed(): void;
}

/**
 * Hashes each token once, however many come with it. Nobody hears anything of a token before it is
 * their turn, for which they are admitted: not even that it was right before. Whoever wants to spare
 * them that asks {@link Verifier.recall}, and sees to it that nobody guesses by it.
 */
export class Verifier {
  readonly #queue = new JobQueue({ running: RUNNING, waiting: WAITING, patience: PATIENCE_MS });
  readonly #right = new Known(MAX_KNOWN);
  readonly #running = new Map<string, Promise<number>>();

  /** @param matches replaced in tests. */
  constructor(private readonly matches: typeof hashMatches = hashMatches) {}

  /** Which of some hashes a token was found to fit; -1 for none, which may mean that none was tried. */
  recall(hashes: readonly SlowHash[], token: string): number {
    return this.#known(hashes.map(({ text }) => this.#right.mark(text, token)));
  }

  #known(marks: readonly string[]): number {
    return marks.findIndex((mark) => this.#right.has(mark));
  }

  /**
   * Which of some hashes a token fits; -1 for none.
   *
   * @throws {QueueFullError} when too many wait.
   */
  async verify(hashes: readonly SlowHash[], token: string, asker: Asker): Promise<number> {
    const marks = hashes.map(({ text }) => this.#right.mark(text, token));
    const all = marks.join();
    for (;;) {
      const running = this.#running.get(all);
      if (running === undefined) {
        // All wait for the same promise, so that whoever came first goes on first.
        const task = this.#queue.run(() => this.#check(hashes, marks, token, asker))
          .finally(() => this.#running.delete(all));
        this.#running.set(all, task);
        return await task;
      }
      // Whoever was first may have been turned away, which says nothing of the others.
      const found = await running.catch(() => undefined);
      if (found === -1) asker.failed();
      if (found !== undefined) return found;
    }
  }

  async #check(
    hashes: readonly SlowHash[],
    marks: readonly string[],
    token: string,
    asker: Asker,
  ): Promise<number> {
    asker.admit();
    const known = this.#known(marks);
    if (known >= 0) return known;
    for (const [at, hash] of hashes.entries()) {
      if (!await this.matches(hash, token)) continue;
      this.#right.add(marks[at]!);
      return at;
    }
    asker.failed();
    return -1;
  }
}
