/**
 * Which of the ways to show a session a client wants.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#name-accept | RFC 9110, section 12.5.1}
 * @module
 */

/** As a stream of one of two formats, as one document, or as we like. */
export type Wanted = "sse" | "ndjson" | "json" | "any";

const KINDS: ReadonlyMap<string, Wanted> = new Map([
  ["text/event-stream", "sse"],
  ["application/x-ndjson", "ndjson"],
  ["application/ndjson", "ndjson"],
  ["application/jsonl", "ndjson"],
  ["application/json", "json"],
]);

/** What `Accept` prefers of what there is; the first among equals. */
export function wanted(accept: string | undefined): Wanted {
  let best: Wanted = "any";
  let quality = 0;
  for (const one of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = one.split(";").map((part) => part.trim().toLowerCase());
    const kind = KINDS.get(type);
    const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    const weight = Number(q);
    // A kind that is named goes before any wildcard.
    if (kind !== undefined && weight > quality) [best, quality] = [kind, weight];
  }
  return best;
}
