/**
 * Why a visitor is turned away: a status in the terms of HTTP, a message, and what to do about it.
 * Each protocol says it in its own way.
 *
 * @module
 */

/** Thrown wherever a visitor cannot go on. */
export class Refusal extends Error {
  /** Tells it from other errors in a log. */
  override name = "Refusal";

  /**
   * @param status as RFC 9110 §15 has it.
   * @param message one line, safe to show.
   * @param hint what the visitor can do.
   * @param retryAfter seconds after which another try may succeed.
   * @param lines further header lines of an answer in HTTP, each with its line end.
   */
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string = "",
    readonly retryAfter?: number,
    readonly lines: string = "",
  ) {
    super(message);
  }
}
