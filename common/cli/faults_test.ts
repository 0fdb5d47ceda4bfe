import { ok } from "node:assert/strict";
import { outliveFaults } from "./faults.ts";

/** Whether a rejection that nobody handles would end the program now. */
function ends(reason: unknown): boolean {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  const event = new PromiseRejectionEvent("unhandledrejection", {
    promise,
    reason,
    cancelable: true,
  });
  return globalThis.dispatchEvent(event);
}

Deno.test("outliveFaults() keeps the program alive, as long as it lasts", () => {
  const reasons = [new Error("no"), "no", undefined];
  {
    using _ = outliveFaults("test");
    for (const reason of reasons) ok(!ends(reason));
  }
  for (const reason of reasons) ok(ends(reason));
});
