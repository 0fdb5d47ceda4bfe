import { strictEqual } from "node:assert/strict";
import { Refusal } from "@agentx/common/http";
import { type Attempt, type Due, harmless, mayRetry, TunnelLost } from "./retry.ts";

const due = (method: string, whole = true): Due => ({ head: { method }, whole });

/** A connection that was kept after an answer, and ended when the next request came. */
const KEPT: Attempt = {
  tries: 1,
  starting: false,
  kept: true,
  finished: false,
  due: [due("GET")],
};
const STARTING: Attempt = { ...KEPT, starting: true, kept: false };
const LOST = new TunnelLost();
const RESET = new Deno.errors.ConnectionReset("reset");
const REFUSED = new Refusal(502, "The local service cannot be reached");

Deno.test("what may be sent twice goes out again after a kept connection ended", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
    strictEqual(mayRetry(LOST, { ...KEPT, due: [due(method)] }), true, method);
  }
  for (const method of ["POST", "PATCH", "CONNECT", "get", "QUERY"]) {
    strictEqual(mayRetry(LOST, { ...KEPT, due: [due("GET"), due(method)] }), false, method);
  }
});

Deno.test("a service may have got what it never answered, so that does not go out again", () => {
  strictEqual(mayRetry(LOST, { ...KEPT, kept: false }), false, "no answer ever came");
  strictEqual(mayRetry(LOST, { ...KEPT, finished: true }), false, "its visitor has left");
  strictEqual(mayRetry(LOST, { ...KEPT, due: [due("PUT", false)] }), false, "half of it is gone");
  strictEqual(mayRetry(LOST, { ...KEPT, due: [] }), false, "nobody waits");
  strictEqual(mayRetry(RESET, KEPT), false, "an answer broke off, or the visitor did");
});

Deno.test("what reached no service goes out again, whatever it is", () => {
  for (const one of [due("POST"), due("POST", false), due("GET")]) {
    strictEqual(mayRetry(RESET, { ...STARTING, due: [one] }), true);
    strictEqual(mayRetry(LOST, { ...STARTING, due: [one], finished: true }), true);
  }
  strictEqual(mayRetry(REFUSED, STARTING), false, "its client said why");
});

Deno.test("so many tunnels and no more are tried", () => {
  const tried = [1, 2, 3, 4].map((tries) => mayRetry(RESET, { ...STARTING, tries }));
  strictEqual(tried.join(), "true,true,false,false");
});

Deno.test("requests are harmless if all of them are", () => {
  strictEqual(harmless([]), true);
  strictEqual(harmless([due("GET", false), due("DELETE")]), true);
  strictEqual(harmless([due("GET"), due("POST")]), false);
});
