/**
 * Turning away whoever speaks HTTP on a port where there is none. No socket here.
 *
 * @module
 */

import { HeadScanner, parseRequestHead, Refusal, type RequestHead } from "@agentx/common/http";
import { answer } from "./answer.ts";

/**
 * The answer to a request; undefined until all of its head is there. It is looked at anew each time.
 *
 * @param max most bytes of a head that is waited for.
 * @param refuse what to say to a head that is well-formed.
 */
export function refuseRequest(
  bytes: Uint8Array,
  max: number,
  refuse: (head: RequestHead) => Refusal,
): Uint8Array | undefined {
  try {
    const lines = new HeadScanner(max).scan(bytes);
    if (lines === undefined) return undefined;
    const head = parseRequestHead(bytes, lines);
    return answer(refuse(head), head, false);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return answer(error, undefined, false);
  }
}
