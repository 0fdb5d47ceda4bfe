/**
 * What is expected of each fault in each place.
 *
 * Everywhere: bystanders are not harmed, and the client can be visited again within
 * {@link BACK_MS}. A fault of the control link turns newcomers away until the client is back (503);
 * who is being served does not notice.
 *
 * @module
 */

import type { Fault } from "./relay.ts";
import type { Place } from "./stage.ts";
import type { Errand, Outcome } from "./victims.ts";

/** How long a client may be away after a fault, in milliseconds. */
export const BACK_MS = 10_000;

/** One fault in one place. */
export interface Cell {
  fault: Fault;
  /** Who meets it, and what becomes of that one. */
  victim?: readonly [Errand, Outcome];
  /** Whether the client's link ends, and it registers anew. */
  renewed?: boolean;
  /** What the server or the client has to say about it: a part of the reason in a log line. */
  says?: Partial<Record<"arps" | "arpc", RegExp>>;
  /** Of the server, in seconds; by default so long that a busy machine does not miss three. */
  heartbeat?: number;
  /** How long the fault lasts at the least, in milliseconds. */
  lasts?: number;
  /** How often; 3 times if not given. */
  rounds?: number;
}

const HALF_OPEN = /nothing heard for .* half-open/;
const BAD_FRAME = /Cannot read a frame of 2147\d+ bytes/;
const BAD_CHUNK = /a chunk of 2147\d+ bytes/;
/** A lost link is noticed soon. */
const BRIEF = { heartbeat: 1 };
/** A link that did not work for so long would be given up. */
const LASTING = { heartbeat: 2, lasts: 7000, rounds: 1 };
/** A request that must not come twice is given up after 15 s; then nothing tells that it has come. */
const LONG = { rounds: 1 };

/** The matrix. */
export const CELLS: Readonly<Record<Place, readonly Cell[]>> = {
  "control": [
    { fault: "drop", renewed: true, says: { arpc: HALF_OPEN }, ...BRIEF },
    { fault: "delay", victim: ["writer", "served"], ...LASTING },
    { fault: "reset", renewed: true },
    { fault: "hole up", renewed: true, says: { arps: HALF_OPEN }, ...BRIEF },
    { fault: "hole down", renewed: true, says: { arpc: HALF_OPEN }, ...BRIEF },
    { fault: "slow", victim: ["writer", "served"], ...LASTING },
    { fault: "fragment", victim: ["writer", "served"], ...LASTING },
    { fault: "corrupt up", renewed: true, says: { arps: BAD_FRAME }, ...BRIEF },
    { fault: "corrupt down", renewed: true, says: { arpc: BAD_FRAME }, ...BRIEF },
  ],
  // Who is given a tunnel that does not work gets another one.
  "idle tunnel": [
    { fault: "drop", victim: ["reader", "served"] },
    { fault: "delay", victim: ["writer", "served"] },
    { fault: "reset", victim: ["writer", "served"] },
    { fault: "hole up", victim: ["writer", "served"], ...LONG },
    { fault: "hole down", victim: ["reader", "served"] },
    { fault: "slow", victim: ["writer", "served"] },
    { fault: "fragment", victim: ["writer", "served"] },
    { fault: "corrupt up", victim: ["writer", "served"], says: { arps: BAD_FRAME } },
    { fault: "corrupt down", victim: ["writer", "served"], says: { arpc: BAD_FRAME } },
  ],
  // Who is being served by it shares its fate, and nobody else does.
  "busy tunnel": [
    { fault: "drop", victim: ["talk", "silence"] },
    { fault: "delay", victim: ["talk", "served"] },
    { fault: "reset", victim: ["talk", "ended"] },
    { fault: "hole up", victim: ["talk", "silence"] },
    { fault: "hole down", victim: ["talk", "silence"] },
    { fault: "slow", victim: ["download", "held back"] },
    { fault: "fragment", victim: ["talk", "served"] },
    { fault: "corrupt up", victim: ["talk", "ended"], says: { arps: BAD_CHUNK } },
    { fault: "corrupt down", victim: ["talk", "ended"], says: { arpc: BAD_CHUNK } },
  ],
  // What is neither frame nor chunk is the business of visitor and service.
  "visitor": [
    { fault: "drop", victim: ["talk", "silence"] },
    { fault: "delay", victim: ["talk", "served"] },
    { fault: "reset", victim: ["talk", "ended"] },
    { fault: "hole up", victim: ["talk", "silence"] },
    { fault: "hole down", victim: ["talk", "silence"] },
    { fault: "slow", victim: ["download", "held back"] },
    { fault: "fragment", victim: ["writer", "served"] },
    { fault: "corrupt up", victim: ["request", "refused"] },
    { fault: "corrupt down", victim: ["request", "spoilt"] },
  ],
  "service": [
    { fault: "drop", victim: ["talk", "silence"] },
    { fault: "delay", victim: ["talk", "served"] },
    { fault: "reset", victim: ["talk", "ended"] },
    { fault: "hole up", victim: ["talk", "silence"] },
    { fault: "hole down", victim: ["talk", "silence"] },
    { fault: "slow", victim: ["upload", "held back"] },
    { fault: "fragment", victim: ["talk", "served"] },
    { fault: "corrupt up", victim: ["request", "refused"] },
    { fault: "corrupt down", victim: ["request", "refused"] },
  ],
};
