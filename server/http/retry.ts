/**
 * Which requests may go out once more after their tunnel ended. No socket here.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2 | RFC 9110 §9.2.2: Idempotent Methods}
 * @module
 */

import { Refusal, type RequestHead } from "@agentx/common/http";
import { MAX_TRIES } from "../tunnel.ts";

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** A tunnel ended before the answer to anything sent on it had begun. */
export class TunnelLost extends Error {}

/** A request that waits for its answer. */
export interface Due {
  readonly head: Pick<RequestHead, "method">;
  /** Whether all of it is at hand. */
  readonly whole: boolean;
}

/** A tunnel that ended, and what was sent on it. */
export interface Attempt {
  /** Which one it was, from 1. */
  tries: number;
  /** Nothing told yet that it had reached its service. */
  starting: boolean;
  /** An answer came by it. */
  kept: boolean;
  /** The visitor will send nothing more. */
  finished: boolean;
  due: readonly Due[];
}

/** Whether each of these may be sent twice. */
export function harmless(due: readonly Due[]): boolean {
  return due.every(({ head }) => IDEMPOTENT.has(head.method));
}

/** Whether what was sent on a tunnel that ended so may be sent on another. */
export function mayRetry(
  error: unknown,
  { tries, starting, kept, finished, due }: Attempt,
): boolean {
  const lost = error instanceof TunnelLost || (starting && !(error instanceof Refusal));
  if (!lost || tries >= MAX_TRIES || due.length === 0) return false;
  // A service that never answered would meet the same request again and again, and one that ended
  // because its visitor had left would hear of it once more.
  return starting || (kept && !finished && due.every(({ whole }) => whole) && harmless(due));
}
