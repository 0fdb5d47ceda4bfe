import { strictEqual } from "node:assert/strict";
import { KeyCheck } from "./auth.ts";
import { Problem } from "../problem.ts";

const KEY = "correct-horse-battery";

/** What a request with these headers gets: 200 when it may pass. */
function status(check: KeyCheck, headers: Record<string, string>): number {
  try {
    check.check(new Headers(headers));
    return 200;
  } catch (error) {
    if (error instanceof Problem) return error.status;
    throw error;
  }
}

const bearer = (key: string, from = "192.0.2.1") => ({
  "authorization": `Bearer ${key}`,
  "x-forwarded-for": from,
});

Deno.test("KeyCheck lets everybody pass when there is no key", () => {
  const check = new KeyCheck(undefined);
  strictEqual(check.needed, false);
  strictEqual(status(check, {}), 200);
  strictEqual(status(check, bearer("anything")), 200);
});

Deno.test("KeyCheck wants the key, in one of two headers", () => {
  const check = new KeyCheck(KEY);
  strictEqual(check.needed, true);
  strictEqual(status(check, bearer(KEY)), 200);
  strictEqual(status(check, { authorization: `bearer  ${KEY} ` }), 200);
  strictEqual(status(check, { "x-api-key": KEY }), 200);
  for (
    const headers of [
      {},
      { authorization: KEY },
      { authorization: `Basic ${KEY}` },
      { authorization: "Bearer" },
      { authorization: `Bearer ${KEY.slice(0, -1)}` },
      { authorization: `Bearer ${KEY} ${KEY}` },
      { "x-api-key": `${KEY}x` },
      { "x-api-key": "" },
    ] as Record<string, string>[]
  ) strictEqual(status(check, headers), 401, JSON.stringify(headers));
});

Deno.test("KeyCheck stops listening to an address that guesses, for a while", () => {
  let now = 1_000_000;
  const check = new KeyCheck(KEY, () => now);
  for (let n = 0; n < 20; n++) strictEqual(status(check, bearer(`wrong${n}`)), 401);
  strictEqual(status(check, bearer("wrong20")), 429);
  // A right guess must look like all others.
  strictEqual(status(check, bearer(KEY)), 429);
  strictEqual(status(check, bearer(KEY, "192.0.2.2")), 200);
  now += 60_001;
  strictEqual(status(check, bearer(KEY)), 200);
  strictEqual(status(check, bearer("wrong21")), 401);
});

Deno.test("KeyCheck says when to try again", () => {
  const now = 1_000_000;
  const check = new KeyCheck(KEY, () => now);
  for (let n = 0; n < 20; n++) status(check, bearer("wrong"));
  try {
    check.check(new Headers(bearer("wrong")));
    throw new Error("expected a problem");
  } catch (error) {
    strictEqual((error as Problem).status, 429);
    strictEqual((error as Problem).retryAfter, 60);
  }
});

Deno.test("KeyCheck counts no request without a key", () => {
  const check = new KeyCheck(KEY);
  for (let n = 0; n < 100; n++) strictEqual(status(check, { "x-forwarded-for": "192.0.2.1" }), 401);
  strictEqual(status(check, bearer(KEY)), 200);
});

Deno.test("KeyCheck is not taken in by what a visitor claims behind a trusted proxy", () => {
  const check = new KeyCheck(KEY);
  const from = (claim: number) => bearer("wrong", `198.51.100.${claim}, 192.0.2.1, 127.0.0.1`);
  for (let n = 0; n < 20; n++) strictEqual(status(check, from(n)), 401);
  strictEqual(status(check, from(99)), 429);
});

Deno.test("KeyCheck forgets the oldest of very many addresses", () => {
  const check = new KeyCheck(KEY);
  for (let n = 0; n < 20; n++) status(check, bearer("wrong", "192.0.2.1"));
  strictEqual(status(check, bearer("wrong", "192.0.2.1")), 429);
  for (let n = 0; n < 1000; n++) status(check, bearer("wrong", `10.0.${n >> 8}.${n & 255}`));
  strictEqual(status(check, bearer("wrong", "192.0.2.1")), 401);
});
