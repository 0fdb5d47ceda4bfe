/**
 * What a request gets that cannot be served.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9457 | RFC 9457: Problem Details for HTTP APIs}
 * @module
 */

/** The statuses of problems, with the titles that RFC 9110 gives them. */
export const PROBLEM_TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
} as const;

/** A status that a {@link Problem} may have. */
export type ProblemStatus = keyof typeof PROBLEM_TITLES;

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
    readonly status: ProblemStatus,
    readonly detail: string,
    readonly more: Readonly<Record<string, unknown>> = {},
    readonly retryAfter?: number,
  ) {
    super(detail);
  }
}

/** The answer that says it. */
export function problemResponse(problem: Problem, headers: HeadersInit = {}): Response {
  const { status, detail, more, retryAfter } = problem;
  const body = { type: "about:blank", title: PROBLEM_TITLES[status], status, detail, ...more };
  const all = new Headers(headers);
  all.set("content-type", "application/problem+json");
  if (status === 401) all.set("www-authenticate", 'Bearer realm="arpc"');
  if (retryAfter !== undefined) all.set("retry-after", String(Math.max(1, Math.ceil(retryAfter))));
  return new Response(JSON.stringify(body), { status, headers: all });
}
