import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { QueueFullError } from "./queue.ts";
import type { SlowHash } from "./scrypt.ts";
import { Verifier } from "./verifier.ts";

const hash = (text: string) => ({ text }) as SlowHash;

/** Somebody who may ask, and counts failures. */
const anybody = { admit: () => {}, failed: () => failures++ };
let failures = 0;

/** A check that counts, and that the test ends. */
function slow() {
  const gate = Promise.withResolvers<void>();
  const asked: string[] = [];
  const matches = async (hash: SlowHash, token: string) => {
    asked.push(token);
    await gate.promise;
    return token === `of ${hash.text}`;
  };
  return { asked, open: () => gate.resolve(), verifier: new Verifier(matches) };
}

Deno.test("a thousand that come with one token cost one hash, and later ones none", async () => {
  const { asked, open, verifier } = slow();
  const results = Array.from({ length: 1000 }, () => verifier.verify([hash("a")], "of a", anybody));
  open();
  deepStrictEqual(new Set(await Promise.all(results)), new Set([0]));
  strictEqual(await verifier.verify([hash("a")], "of a", anybody), 0);
  strictEqual(asked.length, 1);
});

Deno.test("who came first with a token goes on first", async () => {
  const { open, verifier } = slow();
  const order: number[] = [];
  const all = [0, 1, 2].map((nth) =>
    verifier.verify([hash("a")], "of a", anybody).then(() => order.push(nth))
  );
  open();
  await Promise.all(all);
  deepStrictEqual(order, [0, 1, 2]);
});

Deno.test("what was wrong is checked again, and what was right is right for its hash alone", async () => {
  const { asked, open, verifier } = slow();
  open();
  for (let i = 0; i < 3; i++) strictEqual(await verifier.verify([hash("a")], "x", anybody), -1);
  strictEqual(await verifier.verify([hash("a")], "of a", anybody), 0);
  strictEqual(await verifier.verify([hash("b")], "of a", anybody), -1);
  strictEqual(asked.length, 5);
});

Deno.test("who may not is turned away before anything is hashed, and the others go on", async () => {
  const { asked, open, verifier } = slow();
  const denied = verifier.verify([hash("a")], "of a", {
    ...anybody,
    admit: () => {
      throw new Error("denied");
    },
  });
  const others = Array.from({ length: 5 }, () => verifier.verify([hash("a")], "of a", anybody));
  open();
  await rejects(denied, /^Error: denied$/);
  deepStrictEqual(await Promise.all(others), Array(5).fill(0));
  strictEqual(asked.length, 1);
});

Deno.test("too many different tokens at once are refused", async () => {
  const { asked, open, verifier } = slow();
  const all = Array.from(
    { length: 200 },
    (_, at) => verifier.verify([hash("a")], `x${at}`, anybody).catch((error: unknown) => error),
  );
  open();
  const refused = (await Promise.all(all)).filter((one) => one instanceof QueueFullError);
  strictEqual(refused.length + asked.length, 200);
  // 100 may wait, beside the one or two that run.
  strictEqual(refused.length === 98 || refused.length === 99, true, `${refused.length}`);
});

Deno.test("each who came with a wrong token has failed, be it checked for one alone", async () => {
  const { asked, open, verifier } = slow();
  failures = 0;
  const results = Array.from({ length: 7 }, () => verifier.verify([hash("a")], "x", anybody));
  open();
  deepStrictEqual(await Promise.all(results), Array(7).fill(-1));
  deepStrictEqual([asked.length, failures], [1, 7]);
});

Deno.test("of several hashes it is said which one fits", async () => {
  const { asked, open, verifier } = slow();
  open();
  const both = [hash("a"), hash("b")];
  strictEqual(await verifier.verify(both, "of b", anybody), 1);
  strictEqual(await verifier.verify(both, "of b", anybody), 1);
  strictEqual(await verifier.verify([hash("b")], "of b", anybody), 0);
  strictEqual(asked.length, 2);
});
