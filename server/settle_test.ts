import { deepEqual, equal, ok } from "node:assert/strict";
import { Refusal } from "@agentx/common/http";
import { within } from "../common/testdata/gate.ts";
import { NotHere, Settle } from "./settle.ts";

const LONG = { ms: 60_000, queue: 3 };

/** Waits for a client of these tokens, as a visitor of its own. */
const wait = (settle: Settle, ...tokens: string[]) => retried(settle, NotHere.of(tokens));

/** Whether a visitor that is refused with this the first time is tried again. */
async function retried(settle: Settle, refusal: Error, visitor: object = {}): Promise<boolean> {
  let tries = 0;
  try {
    await settle.until(visitor, () => {
      if (tries++ === 0) throw refusal;
    });
  } catch (error) {
    equal(error, refusal);
  }
  return tries > 1;
}

Deno.test("visitors wait for their client, and go on in the order they came", async () => {
  const settle = new Settle(LONG);
  const order: string[] = [];
  const waiting = ["a1", "b1", "a2", "a3"].map(async (name) => {
    ok(await wait(settle, name[0]!, "alias-of-" + name[0]));
    order.push(name);
  });
  settle.arrived(["someone", "else"]);
  deepEqual(order, []);
  settle.arrived(["a", "alias-of-a"]);
  await Promise.all([waiting[0], waiting[2], waiting[3]]);
  settle.arrived(["alias-of-b"]);
  await within(5000, "the last", Promise.all(waiting));
  deepEqual(order, ["a1", "a2", "a3", "b1"]);
});

Deno.test("only so many wait for one client, and none for another reason", async () => {
  const settle = new Settle(LONG);
  const waiting = [wait(settle, "a"), wait(settle, "a"), wait(settle, "a")];
  equal(await wait(settle, "a"), false);
  equal(await retried(settle, new Refusal(404, "no token")), false);
  equal(await retried(settle, new Error("a fault")), false);
  settle.arrived(["a"]);
  deepEqual(await Promise.all(waiting), [true, true, true]);
});

Deno.test("of all that one visitor names only the first eight are waited for", async () => {
  const names = Array.from({ length: 1000 }, (_, nth) => `name-${nth}`);
  const settle = new Settle({ ms: 60_000, queue: 1 });
  const crowd = wait(settle, "name-0", ...names);
  equal(await wait(settle, "name-7"), false, "the eighth has a queue, which is full");
  const ninth = wait(settle, "name-8");
  settle.arrived(["name-8"]);
  settle.end();
  deepEqual(await Promise.all([ninth, crowd]), [true, false], "the ninth has none");
  const again = new Settle(LONG);
  const last = wait(again, ...names);
  again.arrived(["name-7"]);
  ok(await last);
});

Deno.test("nobody waits when the time is over, nor after the end", async () => {
  equal(await wait(new Settle(), "a"), false);
  const short = new Settle({ ms: 30, queue: 3 });
  ok(short.active);
  equal(await wait(short, "a"), false);
  ok(!short.active);
  const settle = new Settle(LONG);
  const waiting = wait(settle, "a");
  settle.end();
  equal(await waiting, false);
  equal(await wait(settle, "a"), false);
});

Deno.test("who has waited in vain does not wait again", async () => {
  const settle = new Settle(LONG);
  const visitor = {};
  ok(settle.holdsBack(visitor));
  // It could go elsewhere, so it waits for a moment only, and then does.
  ok(await within(5000, "a moment", retried(settle, NotHere.of(["a"], { brief: true }), visitor)));
  ok(!settle.holdsBack(visitor));
  equal(await retried(settle, NotHere.of(["a"]), visitor), false);
});
