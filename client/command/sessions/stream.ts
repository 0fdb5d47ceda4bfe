/**
 * A session's log for a viewer: SSE or NDJSON, from any line on, live until it ends.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 * @module
 */

import type { Session } from "./session.ts";

/** How a viewer wants to see a session. */
export interface View {
  /** First line wanted; 1 for all. */
  from: number;
  /** The epoch of the cursor, if it had one. */
  epoch?: string | undefined;
  as: "sse" | "ndjson";
  format: "raw" | "events" | "both";
}

/** Streams a session; ends with the completion of its last turn. */
export function streamSession(_session: Session, _view: View): ReadableStream<Uint8Array> {
  throw new Error("not yet");
}
