/**
 * Is it PostgreSQL that answers? A visitor that hears something else would wait for ever, or show
 * noise to its user.
 *
 * @module
 */

import { type Duplex, fillOrEnd } from "@agentx/common";
import { Refusal } from "@agentx/common/http";

/**
 * What a server may answer to a startup packet: an authentication request, a notice, a negotiation
 * of the version, or an error.
 */
const FIRST = new Set([..."RNvE"].map((letter) => letter.charCodeAt(0)));
const ERROR = 69; // "E"
/** One of the two ends, of which nothing but its bytes matters. */
type Speaker = Pick<Duplex, "source">;

/** No answer is that long; it is where MySQL's greeting, which looks alike so far, has its version. */
const NO_LENGTH = "0000000a";

/**
 * Waits for the service's first bytes, and leaves them where they are. A visitor that leaves ends the
 * wait: a service that hangs would be waited for all the same.
 *
 * @throws {Refusal} 502 when there are none, or they are something else than PostgreSQL's.
 */
export async function awaitAnswer(visitor: Speaker, { source }: Speaker): Promise<void> {
  if (source.size === 0) {
    const answer = fillOrEnd(source).then((spoke) => spoke ? "answer" : "end");
    // Whoever says more has not left.
    const left = fillOrEnd(visitor.source).then((more) => more ? answer : "left");
    const first = await Promise.race([answer, left]);
    if (first === "left") return;
    if (first === "end") {
      throw new Refusal(502, "The service closed the connection without an answer");
    }
  }
  if (isAnswer(source.bytes)) return;
  throw new Refusal(502, "The service answered with something else than PostgreSQL");
}

/** Whether these bytes, as many as there are, can be the start of an answer. */
function isAnswer(bytes: Uint8Array): boolean {
  const type = bytes[0]!;
  if (!FIRST.has(type)) return false;
  const length = bytes.subarray(1, 5);
  // A server that has no memory left for a process says so in bare text.
  if (type === ERROR && length.length > 0 && length[0] !== 0) return true;
  return (length[0] ?? 0) === 0 && length.toHex() !== NO_LENGTH;
}
