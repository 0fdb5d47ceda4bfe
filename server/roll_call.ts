/**
 * Whether clients are still there, asked when another wants what they have: a link that is dead is
 * missed only after some heartbeats.
 *
 * @module
 */

import type { Channel } from "@agentx/common";

/**
 * How long a client may take to answer, in milliseconds. It is asked twice, since a server that was
 * stopped for a while finds the time over before it has read the answer.
 */
const ANSWER_MS = 1500;
const TIMES = 2;

/** What is needed of a client. */
interface Member {
  readonly channel: Pick<Channel, "answers">;
}

/** Asks clients of the second generation; those of the first do not know the question. */
export class RollCall {
  #asked = new Map<Member, Promise<boolean>>();

  /** @param ms how long each may take to answer. */
  constructor(private readonly ms: number = ANSWER_MS) {}

  /** How many are being asked. */
  get size(): number {
    return this.#asked.size;
  }

  /**
   * Whether a client answers within about three seconds. It is asked once, however many wait for
   * that: nobody can fill its link with questions.
   */
  isThere(client: Member): Promise<boolean> {
    let answer = this.#asked.get(client);
    if (answer === undefined) {
      answer = this.#ask(client).finally(() => this.#asked.delete(client));
      this.#asked.set(client, answer);
    }
    return answer;
  }

  async #ask({ channel }: Member): Promise<boolean> {
    for (let times = 0; times < TIMES; times++) {
      const there = await channel.answers(this.ms);
      // Undefined: its link has ended meanwhile.
      if (there !== false) return there === true;
    }
    return false;
  }
}
