/**
 * What stands in front of every route: the key, the origin of pages, and the size of bodies.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import { failed, finish } from "./answer.ts";
import type { App } from "../app.ts";
import { KeyCheck } from "./auth.ts";
import { readBody } from "./body.ts";
import type { CommandConfig } from "../config.ts";
import { OriginCheck } from "./origin.ts";

/** What needs no key: it tells nothing of this machine. */
const OPEN: ReadonlySet<string> = new Set(["/", "/docs", "/health", "/api/health"]);
/** Methods that may change something. */
const CHANGING: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** Who may come in. The API and what else this program serves share one, and its memory. */
export class Gate {
  readonly origins: OriginCheck;
  readonly #key: KeyCheck;

  constructor({ apiKey, corsOrigins }: Pick<CommandConfig, "apiKey" | "corsOrigins">) {
    this.origins = new OriginCheck(corsOrigins);
    this.#key = new KeyCheck(apiKey);
  }

  /**
   * Lets a request pass.
   *
   * @param open whether it needs no key.
   * @throws {Problem} 401 without the right key, 429 after too many wrong ones, 403 for a page of
   * another origin.
   */
  check(method: string, headers: Headers, open = false): void {
    this.origins.check(method, headers);
    // A browser asks without the key whether it may send a request with it.
    if (method !== "OPTIONS" && !open) this.#key.check(headers);
  }
}

/** An app without routes that lets in who may come in. */
export function guardedApp({ limits }: Pick<CommandConfig, "limits">, gate: Gate): App {
  const app = new OpenAPIHono();
  app.onError(failed);
  app.use(finish);
  app.use(async (c, next) => {
    await next();
    const headers = gate.origins.headersFor(c.req.header("origin"));
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  });
  app.use(async (c, next) => {
    const { method, raw, path } = c.req;
    gate.check(method, raw.headers, OPEN.has(path));
    if (CHANGING.has(method)) c.req.raw = await readBody(raw, limits.body, formats(path));
    await next();
  });
  return app;
}

/** Media types of bodies beside JSON. */
function formats(path: string): string[] {
  return path.endsWith("/agentapi/upload") ? ["multipart/form-data"] : [];
}
