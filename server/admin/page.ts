/**
 * The dashboard: one document without anything from elsewhere, and a policy that lets it run what it
 * brings and nothing else.
 *
 * @module
 */

import { createHash } from "node:crypto";
import base from "./dashboard/style/base.css" with { type: "text" };
import controls from "./dashboard/style/controls.css" with { type: "text" };
import top from "./dashboard/style/top.css" with { type: "text" };
import attention from "./dashboard/style/attention.css" with { type: "text" };
import cards from "./dashboard/style/cards.css" with { type: "text" };
import overview from "./dashboard/style/overview.css" with { type: "text" };
import charts from "./dashboard/style/charts.css" with { type: "text" };
import tables from "./dashboard/style/tables.css" with { type: "text" };
import events from "./dashboard/style/events.css" with { type: "text" };
import dialogs from "./dashboard/style/dialogs.css" with { type: "text" };
import alone from "./dashboard/style/alone.css" with { type: "text" };
import small from "./dashboard/style/small.css" with { type: "text" };
import html from "./dashboard/page.html" with { type: "text" };
// Made of dashboard/*.tsx by `deno task dashboard`.
import script from "./dashboard.js" with { type: "text" };

/** In the order in which they count. */
const style = [
  base,
  controls,
  top,
  attention,
  cards,
  overview,
  charts,
  tables,
  events,
  dialogs,
  alone,
  small,
].join("\n");

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
