/**
 * HTTP/1.1 messages as they stand on the wire, read strictly: where a head ends, what it says, and
 * where its body ends. No socket here; both programs pass the bytes on as they came.
 *
 * @example The head of a request, and where it ends
 * ```ts
 * import { header, HeadScanner, parseRequestHead, requestBody } from "@agentx/common/http";
 *
 * const bytes = new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: example.org\r\n\r\nrest");
 * const lines = new HeadScanner().scan(bytes);
 * if (lines === undefined) throw new Error("the head is not yet complete");
 * const head = parseRequestHead(bytes, lines);
 * if (header(head, "host") !== "example.org") throw new Error("unreachable");
 * if (!requestBody(head).done || head.size !== bytes.length - 4) throw new Error("unreachable");
 * ```
 *
 * @module
 */

export { type Body, isEndless, requestBody, responseBody } from "./body.ts";
export {
  hasToken,
  type Head,
  type Header,
  header,
  HeadScanner,
  keepsAlive,
  MAX_HEAD_BYTES,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from "./head.ts";
export { Refusal } from "./refusal.ts";
