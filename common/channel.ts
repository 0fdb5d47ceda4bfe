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
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Told of every command that comes, and of the end. */
  #listeners = new Set<() => void>();
  #over = false;
  /** Why this side gave the link up. */
  #dead: Error | undefined;
  /** Whether it broke off, rather than being ended in order; for {@link Channel.receive}. */
  broken = false;

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
        if (command !== null) this.#heard = performance.now();
        this.#tell(command === null);
        if (command?.type === "Ping") {
          this.send(
            command.t === undefined ? { type: "Pong" } : { type: "Pong", t: command.t },
          );
        } else if (command?.type !== "Pong") return command;
      }
    } catch (error) {
      this.#tell(true);
      if (this.#dead !== undefined) throw this.#dead;
      if (isDisconnect(error)) {
        this.broken = true;
        return null;
      }
      throw error;
    }
  }

  /** Starts the heartbeat; both ends of a generation 2 link do. */
  heartbeat(seconds: number): void {
    const interval = seconds * 1000;
    // So that a link is ended, and that known, within the time of so many heartbeats.
    const limit = interval * MISSED_HEARTBEATS * 0.99;
    this.#heard = performance.now();
    this.#timer = setInterval(() => {
      const silence = performance.now() - this.#heard;
      // So late is only a program that was stopped for a while: what came meanwhile is read first.
      if (silence > limit) this.#after(0, limit);
      else {
        this.send({ type: "Ping", t: Math.round(performance.now()) });
        // The next beat may be nearly one interval too late to notice.
        if (silence > limit - interval) this.#after(limit - silence, limit);
      }
    }, interval);
  }

  /** Gives the link up if the peer has been silent for too long in so many milliseconds. */
  #after(ms: number, limit: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      const silence = performance.now() - this.#heard;
      if (silence < limit) return;
      this.#dead = new DeadlineError(
        `nothing heard for ${(silence / 1000).toFixed(1)} s: the link is half-open or dead`,
      );
      this.close();
    }, ms);
  }

  /**
   * Whether the peer says anything within so many milliseconds; it is asked to. Undefined when the
   * link ends meanwhile, which says nothing of the peer.
   */
  async answers(ms: number): Promise<boolean | undefined> {
    if (this.#over) return undefined;
    const asked = performance.now();
    this.send({ type: "Ping", t: Math.round(asked) });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#listeners.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#listeners.delete(resolve);
    return this.#heard >= asked || (this.#over ? undefined : false);
  }

  /** Ends the link once what was sent has left, or after a second. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.close(), FAREWELL_MS);
    await this.flushed();
    // By TLS an end has to be announced, or it is taken for a cut.
    await this.peek.conn.closeWrite().catch(() => {});
    clearTimeout(timer);
    this.close();
  }

  /** Ends the link at once; a pending {@link Channel.receive} returns. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
    this.#tell(true);
    closeQuietly(this.peek.conn);
  }

  /** Something came, or the end of the link. */
  #tell(over: boolean): void {
    this.#over ||= over;
    for (const listener of this.#listeners) listener();
  }

  /** {@link Channel.close} */
  [Symbol.dispose](): void {
    this.close();
  }
}
