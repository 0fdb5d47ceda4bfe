/**
 * What a request gets that cannot be served.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9457 | RFC 9457: Problem Details for HTTP APIs}
 * @module
 */

/** Thrown anywhere below a route; the app turns it into `application/problem+json`. */
export class Problem extends Error {
  override name = "Problem";

  /**
   * @param status of HTTP.
   * @param detail what was tried, what was found, what to do; safe to show.
   * @param more members of the answer beside those of RFC 9457, such as `errors`.
   * @param retryAfter seconds after which another try may succeed.
   */
  constructor(
    readonly status:
      | 400
      | 401
      | 403
      | 404
      | 405
      | 409
      | 413
      | 415
      | 416
      | 422
      | 429
      | 500
      | 502
      | 503,
    readonly detail: string,
    readonly more: Readonly<Record<string, unknown>> = {},
    readonly retryAfter?: number,
  ) {
    super(detail);
  }
}
