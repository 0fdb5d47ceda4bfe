/**
 * Last words to connections that are over a limit.
 *
 * @module
 */

import { closeQuietly, type Conn, linger, Peek, writeAll } from "@agentx/common";

/** How many are told at a time: a crowd is, a flood is not worth it. */
const MOST = 128;
/** How long one may take to hear it, in milliseconds. */
const TIMEOUT_MS = 2000;

/** Tells those that are turned away why; when there are many, the others are closed without a word. */
export class Farewells {
  #telling = 0;

  constructor(private readonly most: number = MOST) {}

  /** Ends a connection after those words; never throws. */
  async say(conn: Conn, words: Uint8Array): Promise<void> {
    if (this.#telling >= this.most) return closeQuietly(conn);
    this.#telling++;
    const timer = setTimeout(() => closeQuietly(conn), TIMEOUT_MS);
    try {
      await writeAll(conn, words);
    } catch { /* it left */ }
    await linger(new Peek(conn));
    clearTimeout(timer);
    this.#telling--;
  }
}
