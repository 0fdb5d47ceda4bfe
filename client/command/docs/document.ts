/**
 * The OpenAPI document of the API: made of the same schemas that check its requests.
 *
 * @see {@link https://spec.openapis.org/oas/v3.1.1 | OpenAPI 3.1}
 * @module
 */

import type { App } from "../app.ts";
import { VERSION } from "../../config.ts";

const ABOUT = `A remote control for the AI coding CLIs on one machine. Every path also works ` +
  `without \`/api\`. Errors are \`application/problem+json\` (RFC 9457). Without an API key ` +
  `(\`arpc --api-key\`) whoever knows the client's token may use it.`;

/** The two ways in which a key may be sent. */
const SECURITY: Record<string, string[]>[] = [{ bearer: [] }, { header: [] }];

const TAGS = [
  { name: "Sessions", description: "Conversations with a CLI, turn after turn" },
  { name: "Permissions", description: "What CLIs ask before they use a tool, and the answers" },
  { name: "Executors", description: "The CLIs on this machine" },
  { name: "History", description: "Sessions that the CLIs keep themselves" },
  { name: "Files", description: "Files of projects; only with --enable-fs" },
  { name: "agentapi", description: "One session in the manner of coder/agentapi" },
  { name: "Health" },
];

/**
 * Adds `/openapi.json`. To be called when the app has all its other routes.
 *
 * @param needsKey whether requests need a key.
 */
export function documentRoutes(api: App, needsKey: boolean): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "header", {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
  });
  const used = new Set(
    api.openAPIRegistry.definitions.flatMap((one) => one.type === "route" ? one.route.tags : []),
  );
  const document = api.getOpenAPI31Document({
    openapi: "3.1.1",
    info: {
      title: "ARP command mode",
      version: VERSION,
      description: ABOUT,
      license: { name: "MIT" },
    },
    servers: [{ url: "/api", description: "This arpc" }],
    tags: TAGS.filter(({ name }) => used.has(name)),
    security: needsKey ? SECURITY : [],
  });
  const text = JSON.stringify(document);
  api.get("/openapi.json", (c) => c.body(text, 200, { "content-type": "application/json" }));
}
