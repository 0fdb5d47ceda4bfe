/**
 * Word to the caller of a tool that takes long, so that it neither wonders nor gives up.
 *
 * @see {@link https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress | MCP: Progress}
 * @module
 */

import type { Extra } from "./context.ts";

/** Least time between two notifications, in milliseconds. */
const PAUSE_MS = 500;
/** Most time between two, in milliseconds. */
const HEARTBEAT_MS = 10_000;
const MAX_MESSAGE = 200;

/** Notifications of the progress of one request; none if its caller wants none. */
export class Progress implements Disposable {
  #count = 0;
  #message: () => string;
  #sent = -Infinity;
  #told = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param message what is going on, until something else is told.
   * @param now milliseconds of some clock, for tests.
   */
  constructor(
    private readonly extra: Extra,
    message: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#message = () => message;
    if (extra._meta?.progressToken === undefined) return;
    this.#send();
    this.#timer = setInterval(() => {
      const silent = this.now() - this.#sent;
      if (silent >= HEARTBEAT_MS || (!this.#told && silent >= PAUSE_MS)) this.#send();
    }, PAUSE_MS);
  }

  /** Says what is going on; the last word counts when many come at once. */
  tell(message: () => string): void {
    // To look at a long text costs something, and most of what is told is never sent.
    this.#message = message;
    this.#told = false;
  }

  #send(): void {
    this.#sent = this.now();
    this.#told = true;
    const progressToken = this.extra._meta!.progressToken!;
    const message = this.#message().replace(/\s+/g, " ").trim().slice(0, MAX_MESSAGE);
    const params = { progressToken, progress: ++this.#count, message };
    // Who is gone hears nothing; the request itself notices.
    this.extra.sendNotification({ method: "notifications/progress", params }).catch(() => {});
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
