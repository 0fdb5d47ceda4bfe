/**
 * What was said in a session, from its log: for clients that want no lines but messages.
 *
 * @module
 */

import { type Content, type Event, type Grammar, type Json, parseLine } from "./events/mod.ts";
import type { Line } from "./sessions/log.ts";
import type { Session } from "./sessions/session.ts";

/** How long one message may get, in characters; about that, the rest is left out. */
const MAX_MESSAGE = 1024 * 1024;
/** How long all messages of a session may get; the oldest go first. */
const MAX_MESSAGES = 16 * 1024 * 1024;

/** What a person or a CLI said in one turn. */
export interface Message {
  /** In the order of the conversation, from 0 on. */
  id: number;
  role: "user" | "agent";
  /** Counted from 1. */
  turn: number;
  text: string;
  /** ISO 8601; as near as the log tells. */
  time: string;
}

/** Puts the lines of a session together to messages, one of each side a turn. */
export class Conversation {
  /** Those that are kept. */
  readonly messages: Message[] = [];
  #next = 0;
  #size = 0;
  /** Whether the next text of the CLI begins a new paragraph, as after a tool. */
  #apart = false;
  /** Where the last paragraph begins in the last message. */
  #paragraph = 0;
  #turn = 0;
  readonly #grammar: Grammar;
  #time: string;

  constructor({ grammar, info }: Pick<Session, "grammar" | "info">) {
    this.#grammar = grammar;
    this.#time = info.created_at;
  }

  /**
   * Takes the next line.
   *
   * @returns the message that it has changed, and what has happened.
   */
  take(line: Line): { message?: Message; events: readonly Event[] } {
    const value = line.kind === "stderr" ? undefined : parseLine(line.text);
    if (value === undefined) return { events: [] };
    for (const time of [value.time, value.timestamp]) {
      if (typeof time === "string" && !Number.isNaN(Date.parse(time))) {
        this.#time = new Date(time).toISOString();
      }
    }
    if (line.kind === "own") {
      if (value.type !== "user_message") return { events: [] };
      this.#turn = Number(value.turn) || this.#turn + 1;
      return { message: this.#add("user", String(value.text)), events: [] };
    }
    const events = this.#read(value);
    const heard = events.map((event) => this.#hear(event)).findLast((one) => one !== undefined);
    return { ...(heard === undefined ? {} : { message: heard }), events };
  }

  /** A line of a shape that nobody has thought of says nothing. */
  #read(line: Json): Event[] {
    try {
      return this.#grammar.events(line);
    } catch {
      return [];
    }
  }

  /** What the CLI said last in its last turn, after its last tool; empty when that was nothing. */
  get lastWords(): string {
    const last = this.messages.at(-1);
    return last?.role === "agent" ? last.text.slice(this.#paragraph) : "";
  }

  #hear(event: Event): Message | undefined {
    if (event.sessionUpdate === "tool_call") this.#apart = true;
    if (event.sessionUpdate !== "agent_message_chunk") return undefined;
    const { content } = event as { content: Content };
    if (content.type !== "text" || content.text === "") return undefined;
    const last = this.messages.at(-1);
    const message = last?.role === "agent" ? last : this.#add("agent", "");
    if (this.#apart && message.text !== "") {
      message.text += "\n\n";
      this.#paragraph = message.text.length;
    }
    this.#apart = false;
    if (message.text.length < MAX_MESSAGE) {
      message.text += content.text;
      this.#grow(content.text.length);
    }
    return message;
  }

  #add(role: Message["role"], text: string): Message {
    const message = {
      id: this.#next++,
      role,
      turn: Math.max(this.#turn, 1),
      text: text.slice(0, MAX_MESSAGE),
      time: this.#time,
    };
    this.messages.push(message);
    this.#apart = false;
    this.#paragraph = 0;
    this.#grow(message.text.length);
    return message;
  }

  #grow(characters: number): void {
    this.#size += characters;
    while (this.#size > MAX_MESSAGES && this.messages.length > 1) {
      this.#size -= this.messages.shift()!.text.length;
    }
  }
}

/**
 * The lines of a session from one on, also those to come.
 *
 * @param until ends it: aborted when enough was seen, or nobody wants more.
 */
export async function* follow(
  { log }: Pick<Session, "log">,
  from: number,
  until: AbortSignal,
): AsyncGenerator<Line> {
  for (let next = from; !until.aborted;) {
    for (const line of log.read(Math.max(next, log.first))) {
      yield line;
      next = line.n + 1;
    }
    if (log.last < next) await log.wait(next - 1, until);
  }
}
