/**
 * The admin port as an HTTP application; it opens no socket.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { type Access, Denied } from "./access.ts";
import { json } from "./body.ts";
import type { App } from "./exchanges.ts";
import { type Deps, NAMED, type Route, routesOf } from "./routes.ts";

const log = getLogger(["arps", "admin"]);

/** For everything but the page, which brings a policy of its own. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Makes the application. */
export function createApp(deps: Deps): App {
  const routes = routesOf(deps);
  return async (request, address) => {
    let response: Response;
    try {
      response = await find(routes, deps.access, request, address);
    } catch (error) {
      response = refusal(error, request, address);
    }
    for (const [name, value] of Object.entries(HEADERS)) {
      if (!response.headers.has(name)) response.headers.set(name, value);
    }
    if (request.method !== "HEAD") return response;
    await response.body?.cancel();
    return new Response(null, response);
  };
}

async function find(
  routes: readonly Route[],
  access: Access,
  request: Request,
  address: string,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const [, before, name = "", after = ""] = NAMED.exec(pathname) ?? [];
  const path = before === undefined ? pathname : `${before}*${after}`;
  const here = routes.filter((route) => route.path === path);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = here.find((route) => route.method === method);
  const asking = { method: request.method, headers: request.headers, address };
  if (route?.for !== "anybody") access.checkOrigin(asking);
  if (here.length === 0) return json({ error: "There is no such path" }, 404);
  if (route === undefined) {
    const allow = here.map(({ method }) => method).join(", ");
    return json({ error: `Use ${allow} here` }, 405, { allow });
  }
  if (route.for === "owner") access.checkKey(asking);
  return await route.answer({ request, address, name });
}

/** What an error says to who asked. */
function refusal(error: unknown, request: Request, address: string): Response {
  if (!(error instanceof Denied)) {
    log.error("Request failed", { method: request.method, error: reason(error) });
    return json({ error: "Something went wrong here; the log says what" }, 500);
  }
  const { status, message, retryAfter } = error;
  if (status === 429) log.warning("Too many wrong admin keys", { peer: address });
  return json({ error: message }, status, {
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="arps"' } : {}),
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
  });
}
