/**
 * The last answer on a connection: its head says so, whatever the service said of that.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9112#section-9.6 | RFC 9112 §9.6: Tear-down}
 * @module
 */

import { latin1Bytes } from "@agentx/common";
import type { Head } from "@agentx/common/http";
import { concat } from "./forward.ts";

/** What a `Connection` line says of the connection itself; the rest is about other lines. */
const LASTING: ReadonlySet<string> = new Set(["close", "keep-alive", ""]);

/** `bytes`, which start with `head`, with `Connection: close`; the rest of it is as it came. */
export function lastAnswer(bytes: Uint8Array, head: Head): Uint8Array {
  const kept: Uint8Array[] = [];
  const options: string[] = [];
  let from = 0;
  for (const { name, value, start, end } of head.headers) {
    if (name !== "connection") continue;
    kept.push(bytes.subarray(from, start));
    from = end;
    const others = value.split(",").map((option) => option.trim());
    options.push(...others.filter((option) => !LASTING.has(option.toLowerCase())));
  }
  const blank = head.size - 2;
  kept.push(bytes.subarray(from, blank));
  const line = latin1Bytes(`Connection: ${[...options, "close"].join(", ")}\r\n`);
  return concat([...kept, line, bytes.subarray(blank)]);
}
