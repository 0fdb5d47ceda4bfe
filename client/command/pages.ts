/**
 * The pages: the console at `/`, and the description of the API at `/docs`. Each is one document
 * without anything from elsewhere: a request for a second file could end at another client, as
 * what tells them apart may be no more than a cookie.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { App } from "./app.ts";
import consoleStyle from "./console/page.css" with { type: "text" };
import consoleHtml from "./console/page.html" with { type: "text" };
import consolePage from "./console/page.js" with { type: "text" };
import key from "./console/key.html" with { type: "text" };
import logo from "./console/logo.svg" with { type: "text" };
import question from "./console/question.js" with { type: "text" };
import session from "./console/session.js" with { type: "text" };
import sharedStyle from "./console/shared.css" with { type: "text" };
import shared from "./console/shared.js" with { type: "text" };
import start from "./console/start.js" with { type: "text" };
import talkStyle from "./console/talk.css" with { type: "text" };
import transcript from "./console/transcript.js" with { type: "text" };
import docsStyle from "./docs/page.css" with { type: "text" };
import docsHtml from "./docs/page.html" with { type: "text" };
import docsPage from "./docs/page.js" with { type: "text" };

interface Page {
  html: string;
  policy: string;
}

/** Adds the pages. They hold nothing of this machine, so that they need no key. */
export function pageRoutes(app: App): void {
  const console = [question, transcript, session, start, consolePage];
  const pages = {
    "/": assemble(consoleHtml, [consoleStyle, talkStyle], console),
    "/docs": assemble(docsHtml, [docsStyle], [docsPage]),
  };
  for (const [path, { html, policy }] of Object.entries(pages)) {
    const headers = { "content-security-policy": policy, "cache-control": "no-cache" };
    app.get(path, (c) => c.html(html, 200, headers));
  }
}

/** Puts a page together, with a policy that lets it run what it brings and nothing else. */
function assemble(html: string, styles: readonly string[], scripts: readonly string[]): Page {
  const style = [sharedStyle, ...styles].join("\n");
  const script = [shared, ...scripts].join("\n");
  const parts: Record<string, string> = {
    style: `<style>${style}</style>`,
    script: `<script>${script}</script>`,
    key,
    logo,
  };
  return {
    html: html.replaceAll(/%([A-Z]+)%/g, (_, name: string) => parts[name.toLowerCase()]!),
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
}

/** How a policy names an inline script or style. */
function hash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
