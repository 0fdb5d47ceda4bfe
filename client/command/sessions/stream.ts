/**
 * A session's log for a viewer: SSE or NDJSON, from any line on, live until it ends.
 *
 * A viewer reads the log at its own pace. Nothing is kept for it, so that a slow one holds nobody up
 * and loses nothing, but for what the log itself has dropped: then it is told by a `reset`.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 * @module
 */

import { encodeLines, encodeReset, type Format, HEARTBEAT, SSE_START } from "./frames.ts";
import type { Session } from "./session.ts";

/** How a viewer wants to see a session. */
export interface View extends Format {
  /** First line wanted; 1 for all. */
  from: number;
  /** The epoch of the cursor, if it had one. */
  epoch?: string | undefined;
}

/** How long a stream is silent at most, in milliseconds. */
const HEARTBEAT_MS = 15_000;
/** How much is written at once where there is more, in bytes. */
const WRITE_BYTES = 64 * 1024;
/** How much is read for one write, in characters; lines may mean nothing in the viewer's format. */
const READ_CHARACTERS = 2 * 1024 * 1024;

/** What a viewer looks at. */
export type Viewed = Pick<Session, "log" | "running" | "grammar">;

/**
 * Streams a session; ends with the completion of its last turn.
 *
 * @param heartbeat milliseconds that the stream is silent at most.
 */
export function streamSession(
  session: Viewed,
  view: View,
  heartbeat: number = HEARTBEAT_MS,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const viewer = new Viewer(session, view, heartbeat);
  // Nothing is read ahead: what is not asked for stays in the log.
  return new ReadableStream({
    pull: (controller) => viewer.pull(controller),
    cancel: () => viewer.close(),
  }, { highWaterMark: 0 });
}

class Viewer {
  /** The line that comes next. */
  #next: number;
  #begun = false;
  #closed = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #beat = new AbortController();

  constructor(
    private readonly session: Viewed,
    private readonly view: View,
    private readonly heartbeat: number,
  ) {
    this.#next = Math.max(view.from, 1);
  }

  /** Gives the viewer something, as soon as there is something. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    try {
      await this.#pull(controller);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    this.#timer ??= setInterval(() => this.#beat.abort(), this.heartbeat);
    while (!this.#closed) {
      const before = this.#next;
      const bytes = this.#read();
      if (bytes !== undefined) return controller.enqueue(bytes);
      if (this.#next > before) {
        // A long way without a word for this viewer: others have their turn.
        await new Promise((resolve) => setTimeout(resolve, 0));
        continue;
      }
      // Both are as they are at this moment: what comes later comes with a session that runs.
      if (!this.session.running) {
        this.close();
        return controller.close();
      }
      await this.session.log.wait(this.#next - 1, this.#beat.signal);
      if (this.#closed || !this.#beat.signal.aborted) continue;
      this.#beat = new AbortController();
      return controller.enqueue(HEARTBEAT[this.view.as]);
    }
  }

  /** Ends the viewer's timer, and its wait. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#beat.abort();
  }

  #read(): Uint8Array<ArrayBuffer> | undefined {
    const { log, grammar } = this.session;
    const parts = this.#begun ? [] : this.#begin();
    let size = 0;
    for (let seen = 0; seen < READ_CHARACTERS && size < WRITE_BYTES;) {
      const lines = log.read(this.#next);
      const [first] = lines;
      if (first === undefined) break;
      if (first.n > this.#next) parts.push(this.#reset(first.n));
      const bytes = encodeLines(lines, this.view, { epoch: log.epoch, grammar });
      if (bytes.length > 0) parts.push(bytes);
      size += bytes.length;
      for (const { text } of lines) seen += text.length + 1;
      this.#next = lines.at(-1)!.n + 1;
    }
    return parts.length === 0 ? undefined : join(parts);
  }

  #begin(): Uint8Array<ArrayBuffer>[] {
    this.#begun = true;
    const { log } = this.session;
    const { as, epoch } = this.view;
    const parts = as === "sse" ? [SSE_START] : [];
    // A cursor of another log, or of lines that were lost with the power.
    if (epoch !== undefined && (epoch !== log.epoch || this.#next > log.last + 1)) {
      parts.push(this.#reset(log.first));
    }
    return parts;
  }

  #reset(first: number): Uint8Array<ArrayBuffer> {
    this.#next = first;
    return encodeReset(this.view.as, this.session.log.epoch, first);
  }
}

function join(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
