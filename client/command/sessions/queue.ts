/**
 * Messages of a session that wait for their turn. They are on disk, so that none is lost without a
 * word when the program is killed.
 *
 * @module
 */

import type { Attachment } from "../drivers/mod.ts";
import type { Store } from "./store.ts";

/** What is to be said in a turn. */
export interface Message {
  /** Counted from 1. */
  turn: number;
  text: string;
  attachments: readonly Attachment[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The queue of one session. */
export class Queue {
  readonly #messages: Message[];

  /** @param session its `key` in the store. */
  constructor(private readonly store: Store, private readonly session: number) {
    const rows = store.all("SELECT message FROM queue WHERE session = ? ORDER BY turn", session);
    this.#messages = rows.map(({ message }) =>
      JSON.parse(decoder.decode(message as Uint8Array)) as Message
    );
  }

  get length(): number {
    return this.#messages.length;
  }

  push(message: Message): void {
    this.store.run(
      "INSERT INTO queue (session, turn, message) VALUES (?, ?, ?)",
      ...[this.session, message.turn, encoder.encode(JSON.stringify(message))],
    );
    this.#messages.push(message);
  }

  /** The next message; on disk it stays until {@link Queue.begun}. */
  shift(): Message | undefined {
    return this.#messages.shift();
  }

  /** Takes a message off the disk, as a part of what writes that its turn has begun. */
  begun({ turn }: Message): void {
    this.store.run("DELETE FROM queue WHERE session = ? AND turn = ?", this.session, turn);
  }

  /** Takes all messages out; on disk they stay until {@link Queue.cleared}. */
  clear(): Message[] {
    return this.#messages.splice(0);
  }

  /** Takes all messages off the disk, as a part of what writes why. */
  cleared(): void {
    this.store.run("DELETE FROM queue WHERE session = ?", this.session);
  }
}
