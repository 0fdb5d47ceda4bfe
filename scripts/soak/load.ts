/**
 * Visitors at work, and what became of their visits.
 * @module
 */
import { Mismatch, type Moved } from "./visits.ts";

/** Longest pause between two visits, in milliseconds. */
const PAUSE_MS = 100;

/** Counts of one kind of visitors. */
export interface Tally {
  visits: number;
  bytes: number;
  /** Ended by a fault that concerned them. */
  excused: number;
  /** What no fault explains; the first ones. */
  harmed: string[];
  /** Wrong bytes; the first ones. */
  mismatches: string[];
}

/** Times at which faults concerned somebody, by `performance.now()`. */
export class Excuses {
  #windows: { from: number; to: number }[] = [];

  /** Something happens from now on; call the result once all is well again. */
  begin(): () => void {
    const window = { from: performance.now(), to: Infinity };
    this.#windows = this.#windows.filter(({ to }) => to > window.from - 120_000);
    this.#windows.push(window);
    return () => window.to = performance.now();
  }

  /** Whether something happened since then. */
  since(start: number): boolean {
    return this.#windows.some(({ to }) => to >= start);
  }
}

/** Visitors that do one thing after another, with rests in which nobody does anything. */
export class Load {
  readonly tally: Tally = { visits: 0, bytes: 0, excused: 0, harmed: [], mismatches: [] };
  #resting: PromiseWithResolvers<void> | undefined;
  #over = false;
  #busy = 0;
  #idle = Promise.withResolvers<void>();
  readonly #running: Promise<void>[];

  /**
   * @param count visitors at a time.
   * @param visit one visit of visitor `nth`.
   * @param rested they all rest: nothing of theirs is to stay open.
   */
  constructor(
    private readonly name: string,
    count: number,
    private readonly visit: (nth: number) => Promise<[what: string, moved: Promise<Moved>]>,
    private readonly rested: () => void = () => {},
    private readonly excuses: Excuses = new Excuses(),
  ) {
    this.#busy = count;
    this.#running = Array.from({ length: count }, (_, nth) => this.#run(nth));
  }

  /** Lets all finish what they do, and holds them until the result is called. */
  async rest(): Promise<() => void> {
    const gate = this.#resting = Promise.withResolvers<void>();
    await this.#idle.promise;
    this.rested();
    return () => {
      this.#resting = undefined;
      this.#idle = Promise.withResolvers<void>();
      this.#busy = this.#running.length;
      gate.resolve();
    };
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#over = true;
    this.#resting?.resolve();
    await Promise.all(this.#running);
    this.rested();
  }

  async #run(nth: number): Promise<void> {
    while (!this.#over) {
      if (this.#resting !== undefined) {
        if (--this.#busy === 0) this.#idle.resolve();
        await this.#resting.promise;
        continue;
      }
      await this.#once(nth);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * Math.random()));
    }
    if (--this.#busy === 0) this.#idle.resolve();
  }

  async #once(nth: number): Promise<void> {
    const { tally } = this;
    const start = performance.now();
    let what = "";
    try {
      const [name, moved] = await this.visit(nth);
      what = name;
      tally.bytes += await moved;
    } catch (error) {
      const story = `${this.name}, ${what}: ${error}`;
      if (error instanceof Mismatch) note(tally.mismatches, story);
      else if (this.excuses.since(start)) tally.excused++;
      else note(tally.harmed, story);
    }
    tally.visits++;
  }
}

/** The first are enough to find the reason; all of them would fill the memory. */
function note(list: string[], story: string): void {
  if (list.length < 100) list.push(story);
}
