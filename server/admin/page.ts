/**
 * The dashboard: one document without anything from elsewhere, and a policy that lets it run what it
 * brings and nothing else.
 *
 * @module
 */

import { createHash } from "node:crypto";
import style from "./dashboard/style.css" with { type: "text" };
import html from "./dashboard/page.html" with { type: "text" };
// Made of dashboard/*.tsx by `deno task dashboard`.
import script from "./dashboard.js" with { type: "text" };

/** The document, and its `Content-Security-Policy`. */
export const PAGE: { readonly html: string; readonly policy: string } = {
  html: html
    .replace("%STYLE%", () => `<style>${style}</style>`)
    .replace("%SCRIPT%", () => `<script type="module">${script}</script>`),
  policy: [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

/** How a policy names an inline script or style. */
function hash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
