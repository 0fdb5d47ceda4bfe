/**
 * The head of a service's answer, as far as it has come.
 *
 * @module
 */

import {
  type HeadScanner,
  parseResponseHead,
  Refusal,
  type ResponseHead,
} from "@agentx/common/http";

/** How every answer starts. */
const ANSWER = "HTTP/";

/**
 * The head at the front of these bytes; undefined when it is a careless one, and the bytes pass as they
 * are.
 *
 * @throws {Refusal} as soon as it can be no answer at all: the service may wait for more.
 */
export function answerHead(
  bytes: Uint8Array,
  scanner: HeadScanner,
): ResponseHead | "more" | undefined {
  for (let at = 0; at < ANSWER.length && at < bytes.length; at++) {
    if (bytes[at] === ANSWER.charCodeAt(at)) continue;
    throw new Refusal(
      502,
      "The service answered with something else than HTTP",
      "Reach it by a program that speaks its protocol.",
    );
  }
  try {
    const lines = scanner.scan(bytes);
    return lines === undefined ? "more" : parseResponseHead(bytes, lines);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
