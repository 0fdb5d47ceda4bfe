/**
 * The heads of requests, one after the other, each in its time.
 *
 * @module
 */

import type { Peek } from "@agentx/common";
import { HeadScanner, parseRequestHead, Refusal, type RequestHead } from "@agentx/common/http";

const CR = 13;
const LF = 10;

/** How long a visitor may take, in milliseconds. */
export interface HeadTimes {
  /** For a head to come whole, from its first byte on. */
  head: number;
  /** Between two requests, and in front of the first. */
  idle: number;
}

/** Reads the heads of one connection, whose bodies somebody else consumes. */
export class Heads {
  readonly #scanner = new HeadScanner();

  constructor(private readonly source: Peek, private readonly times: HeadTimes) {}

  /**
   * The next head, which stays at the front of the source; undefined when no more will come.
   *
   * @throws {Refusal} 400 on what is none, 408 when it does not come in time, 431 when it is too
   * large.
   */
  async next(): Promise<RequestHead | undefined> {
    const { source } = this;
    const { head, idle } = this.times;
    let due: number | undefined;
    for (;;) {
      // A line end before a request line is tolerated, RFC 9112 §2.2.
      while (source.bytes[0] === CR && source.bytes[1] === LF) source.consume(2);
      if (source.size > 0) {
        const lines = this.#scanner.scan(source.bytes);
        if (lines !== undefined) return parseRequestHead(source.bytes, lines);
        due ??= performance.now() + head;
      }
      const more = await within(due === undefined ? idle : due - performance.now(), source.fill());
      if (more === true) continue;
      if (source.size === 0) return undefined;
      throw more === undefined
        ? new Refusal(408, `The request's head did not come within ${head / 1000} s`)
        : new Refusal(400, "The request ended in the middle of its head");
    }
  }
}

/** What a read gives, or undefined when it takes too long; the read then goes on. */
async function within(ms: number, read: Promise<boolean>): Promise<boolean | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  });
  try {
    return await Promise.race([read, late]);
  } finally {
    clearTimeout(timer);
  }
}
