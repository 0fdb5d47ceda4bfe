/**
 * Answers to methods that a path does not have, and to questions which it has.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#name-405-method-not-allowed | RFC 9110}
 * @module
 */

import { TrieRouter } from "@hono/hono/router/trie-router";
import type { App } from "../app.ts";
import type { OriginCheck } from "./origin.ts";
import { Problem, problemResponse } from "../problem.ts";

/**
 * Answers what no route of the app has answered. To be called when it has all its routes.
 */
export function answerTheRest(app: App, origins: OriginCheck): void {
  const paths = new TrieRouter<{ method: string; holes: number }>();
  for (const { path, method } of app.routes) {
    const holes = path.split("/:").length;
    if (method !== "ALL") paths.add("ALL", path, { method, holes });
  }
  app.notFound((c) => {
    const { method, path } = c.req;
    const routes = paths.match("ALL", path)[0].map(([route]) => route);
    // A path that is spelled out is no id, though it looks like one.
    const fewest = Math.min(...routes.map(({ holes }) => holes));
    const known = new Set(
      routes.filter(({ holes }) => holes === fewest).map(({ method }) => method),
    );
    if (known.size === 0) {
      return problemResponse(new Problem(404, `There is nothing at ${path.slice(0, 200)}`));
    }
    if (known.has("GET")) known.add("HEAD");
    const allow = [...known, "OPTIONS"].sort().join(", ");
    if (method !== "OPTIONS") {
      const problem = new Problem(405, `${path.slice(0, 200)} knows ${allow}, found ${method}`);
      return problemResponse(problem, { allow });
    }
    const preflight = origins.preflightHeaders(c.req.header("origin"), allow);
    return new Response(null, { status: 204, headers: { allow, ...preflight } });
  });
}
