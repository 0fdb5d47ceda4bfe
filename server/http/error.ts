/**
 * The one error of the HTTP code: a status, a message for the visitor, and what to do about it.
 *
 * @module
 */

/** Thrown wherever a request cannot go on; the session turns it into an answer. */
export class HttpError extends Error {
  override name = "HttpError";

  /**
   * @param status the answer's status code.
   * @param message one line, safe to show.
   * @param hint what the visitor can do.
   * @param retryAfter seconds for `Retry-After`.
   */
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string = "",
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}
