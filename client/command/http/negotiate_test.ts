import { strictEqual } from "node:assert/strict";
import { wanted } from "./negotiate.ts";

Deno.test("wanted() takes the first of the best formats that are named", () => {
  const cases: [string | undefined, string][] = [
    [undefined, "any"],
    ["", "any"],
    ["*/*", "any"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "any"],
    ["text/event-stream", "sse"],
    ["application/x-ndjson", "ndjson"],
    ["application/json", "json"],
    ["Application/JSON; charset=utf-8", "json"],
    ["application/json, text/event-stream", "json"],
    ["application/json;q=0.5, text/event-stream", "sse"],
    ["application/json;q=0", "any"],
    ["application/json;q=x", "any"],
    ["*/*, application/json;q=0.1", "json"],
    ["constructor, __proto__", "any"],
  ];
  for (const [accept, expected] of cases) strictEqual(wanted(accept), expected, String(accept));
});
