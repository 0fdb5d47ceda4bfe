/**
 * Answers of the server itself: small, correct, and they say what to do.
 *
 * @module
 */

import { header, type Refusal, type RequestHead } from "@agentx/common/http";
import { isNavigation } from "./forward.ts";

/** Status codes this server answers with, RFC 9110 §15. */
const PHRASES: Record<number, string> = {
  303: "See Other",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  408: "Request Timeout",
  413: "Content Too Large",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

const encoder = new TextEncoder();

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

function page(status: number, phrase: string, error: Refusal, id: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${status} ${phrase}</title>
<meta name="robots" content="noindex">
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { background: light-dark(#fafafa, #161618); margin: 0; padding: 16vh 1.5rem 2rem; }
main { border-left: 3px solid light-dark(#c2410c, #fb923c); margin: 0 auto; max-width: 32rem;
  padding-left: 1.25rem; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: .25rem 0 .75rem; }
h1, p { overflow-wrap: anywhere; }
p { margin: .5rem 0; }
small, .id { color: light-dark(#5b5b60, #a5a5ad); }
.id { font: .75rem/1.5 ui-monospace, monospace; margin-top: 1.5rem; }
a { color: light-dark(#9a3412, #fdba74); }
</style>
<main>
<small>${status} ${phrase}</small>
<h1>${escapeHtml(error.message)}</h1>
${error.hint === "" ? "" : `<p>${escapeHtml(error.hint)}</p>\n`}${
    status === 429 || status >= 500 ? `<p><a href="">Try again</a></p>\n` : ""
  }<p class="id">ARP · request ${id}</p>
</main>
</html>
`;
}

type Form = "json" | "html" | "text";

function form(request: RequestHead | undefined): Form {
  if (request === undefined) return "text";
  const accept = header(request, "accept") ?? "";
  if (/\bapplication\/(?:[a-z.-]+\+)?json\b/i.test(accept)) return "json";
  return isNavigation(request) ? "html" : "text";
}

const TYPES: Record<Form, string> = {
  json: "application/json",
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
};

/**
 * The bytes of an answer.
 *
 * @param request the request it answers, if it could be read: it decides JSON, HTML or text, and
 * whether the answer to a `HEAD` leaves its body out.
 * @param keepAlive whether further requests are welcome on the connection.
 */
export function answer(
  error: Refusal,
  request: RequestHead | undefined,
  keepAlive: boolean,
): Uint8Array {
  const { status, message, hint, retryAfter, lines } = error;
  const id = crypto.randomUUID();
  const phrase = PHRASES[status] ?? "Error";
  const kind = form(request);
  const body = encoder.encode(
    kind === "json"
      ? JSON.stringify({ status, error: message, hint, request_id: id }) + "\n"
      : kind === "html"
      ? page(status, phrase, error, id)
      : message + "\n" + (hint === "" ? "" : hint + "\n"),
  );
  const head = encoder.encode(
    `HTTP/1.1 ${status} ${phrase}\r\n` +
      `Date: ${new Date().toUTCString()}\r\n` +
      `Content-Type: ${TYPES[kind]}\r\n` +
      `Content-Length: ${body.length}\r\n` +
      "Cache-Control: no-store\r\n" +
      "X-Content-Type-Options: nosniff\r\n" +
      `X-Request-Id: ${id}\r\n` +
      (retryAfter === undefined ? "" : `Retry-After: ${retryAfter}\r\n`) +
      // Required of each 401, RFC 9110 §11.6.1; no browser asks for a password then.
      (status === 401 ? `WWW-Authenticate: ARP realm="visitor token"\r\n` : "") +
      lines +
      `Connection: ${keepAlive ? "keep-alive" : "close"}\r\n\r\n`,
  );
  if (request?.method === "HEAD") return head;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
