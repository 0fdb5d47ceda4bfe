/**
 * What was said in sessions, remembered: clients ask for it again and again while a session grows.
 *
 * @module
 */

import { Conversation } from "./conversation.ts";
import type { Session } from "./sessions/session.ts";

/** Sessions that are remembered; who was not asked for longest goes first. */
const REMEMBERED = 16;
/** Lines that are read before others get a turn. */
const AT_ONCE = 1000;

interface Entry {
  epoch: string;
  conversation: Conversation;
  next: number;
  /** Settles when all that was there is read; never rejects. */
  reading: Promise<void>;
}

/** The conversations of sessions, each read once. */
export class Conversations {
  readonly #entries = new Map<string, Entry>();

  /** What was said so far. */
  async of(session: Session): Promise<Conversation> {
    const entry = this.#entry(session);
    this.#entries.delete(session.id);
    this.#entries.set(session.id, entry);
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= REMEMBERED) break;
      this.#entries.delete(oldest);
    }
    entry.reading = entry.reading.then(() => read(session, entry));
    await entry.reading;
    return entry.conversation;
  }

  #entry(session: Session): Entry {
    const known = this.#entries.get(session.id);
    if (known?.epoch === session.log.epoch) return known;
    return {
      epoch: session.log.epoch,
      conversation: new Conversation(session),
      next: 1,
      reading: Promise.resolve(),
    };
  }
}

async function read({ log }: Session, entry: Entry): Promise<void> {
  for (let taken = 0; entry.next <= log.last;) {
    const lines = log.read(Math.max(entry.next, log.first));
    if (lines.length === 0) return;
    for (const line of lines) {
      entry.conversation.take(line);
      entry.next = line.n + 1;
      if (++taken % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
    }
  }
}
