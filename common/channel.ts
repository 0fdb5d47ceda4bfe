/**
 * A control connection: commands both ways, and a heartbeat that notices a half-open link.
 *
 * @module
 */

import type { Command } from "./commands.ts";
import { DeadlineError, isDisconnect, ProtocolError } from "./errors.ts";
import { encodeFrames, readFrame } from "./frame.ts";
import type { Peek } from "./peek.ts";
import { closeQuietly, writeAll } from "./transport.ts";

/** Missed heartbeats after which a link is dead. */
export const MISSED_HEARTBEATS = 3;

/** Commands that may wait for a peer to read; one that only asks and never reads is cut off. */
export const MAX_OUTBOX = 10_000;

/** How long the last words of a link may take to leave, in milliseconds. */
const FAREWELL_MS = 1000;

/** Commands over one connection, which it owns. */
export class Channel implements Disposable {
  #outbox: Command[] = [];
  #flushing: Promise<void> | undefined;
  #heard = performance.now();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Why this side gave the link up. */
  #dead: Error | undefined;

  constructor(readonly peek: Peek) {}

  /**
   * Sends commands; those sent in one turn of the event loop leave in one write. A lost link is
   * reported by {@link Channel.receive}, not here.
   */
  send(...commands: Command[]): void {
    this.#outbox.push(...commands);
    if (this.#outbox.length > MAX_OUTBOX) {
      this.#dead = new ProtocolError(`the peer left ${MAX_OUTBOX} commands unread`);
      this.#outbox = [];
      return this.close();
    }
    this.#flushing ??= this.#flush();
  }

  /** Resolves when what was sent so far has left, or the link is gone. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    await null; // lets the rest of this turn add to the same write
    try {
      while (this.#outbox.length > 0) {
        const bytes = encodeFrames(this.#outbox);
        this.#outbox = [];
        await writeAll(this.peek.conn, bytes);
      }
    } catch {
      // The link is gone; receive() says so too.
      this.close();
    } finally {
      this.#flushing = undefined;
    }
  }

  /**
   * The next command that is not part of the heartbeat; null when the peer ended the link in order
   * or reset it.
   *
   * @throws {DeadlineError} when the heartbeat missed {@link MISSED_HEARTBEATS} answers.
   * @throws {ProtocolError} on a bad frame, and when the peer left {@link MAX_OUTBOX} commands unread.
   */
  async receive(): Promise<Command | null> {
    try {
      for (;;) {
        const command = await readFrame(this.peek);
        this.#heard = performance.now();
        if (command?.type === "Ping") {
          this.send(
            command.t === undefined ? { type: "Pong" } : { type: "Pong", t: command.t },
          );
        } else if (command?.type !== "Pong") return command;
      }
    } catch (error) {
      if (this.#dead !== undefined) throw this.#dead;
      if (isDisconnect(error)) return null;
      throw error;
    }
  }

  /** Starts the heartbeat; both ends of a generation 2 link do. */
  heartbeat(seconds: number): void {
    const interval = seconds * 1000;
    this.#heard = performance.now();
    this.#timer = setInterval(() => {
      const silence = performance.now() - this.#heard;
      if (silence > interval * MISSED_HEARTBEATS) {
        this.#dead = new DeadlineError(
          `nothing heard for ${(silence / 1000).toFixed(1)} s: the link is half-open or dead`,
        );
        this.close();
      } else this.send({ type: "Ping", t: Math.round(performance.now()) });
    }, interval);
  }

  /** Ends the link once what was sent has left, or after a second. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.close(), FAREWELL_MS);
    await this.flushed();
    clearTimeout(timer);
    this.close();
  }

  /** Ends the link at once; a pending {@link Channel.receive} returns. */
  close(): void {
    clearInterval(this.#timer);
    closeQuietly(this.peek.conn);
  }

  /** {@link Channel.close} */
  [Symbol.dispose](): void {
    this.close();
  }
}
