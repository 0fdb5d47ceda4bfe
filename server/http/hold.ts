/**
 * Holding a visitor back that has asked for more than it has been answered.
 *
 * @module
 */

import type { Peek } from "@agentx/common";

/** For the next answer to a visitor that is held back and sends nothing more, in milliseconds. */
const GONE_MS = 60_000;

/**
 * No request of a visitor is served for a while: what is not read is what holds it back. A part is read,
 * as far as the buffer goes, so that a visitor that leaves is noticed.
 */
export class Hold {
  #holding = false;
  /** Whether the visitor is read meanwhile. */
  #watching = false;
  #gone: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param peek what the visitor sends.
   * @param left hears how the visitor left, and ends its session.
   * @param ms how long a visitor may have ended its direction without an answer.
   */
  constructor(
    private readonly peek: Peek,
    private readonly left: (why: string) => void,
    private readonly ms: number = GONE_MS,
  ) {}

  /** Holds the visitor back until there is room, which a session that ends makes as well. */
  async until(room: Promise<void>): Promise<void> {
    this.#holding = true;
    if (!this.#watching) void this.#watch();
    await room;
    this.#holding = false;
    clearTimeout(this.#gone);
  }

  async #watch(): Promise<void> {
    const { peek } = this;
    this.#watching = true;
    try {
      while (this.#holding && peek.size < peek.max) {
        if (await peek.fill()) continue;
        // It may wait for its answers, or have left: nothing tells until one is written.
        if (this.#holding) this.#gone = setTimeout(() => this.left("visitor left"), this.ms);
        break;
      }
    } catch {
      this.left("visitor reset");
    } finally {
      this.#watching = false;
    }
  }
}
