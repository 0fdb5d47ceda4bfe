import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Peek } from "@agentx/common";
import { FakeConn } from "../../common/testdata/conn.ts";
import { within } from "../../common/testdata/gate.ts";
import { Hold } from "./hold.ts";

/** A visitor, and how it was said to have left. */
function visitor(ms?: number) {
  const conn = new FakeConn();
  const peek = new Peek(conn);
  const left = Promise.withResolvers<string>();
  const room = Promise.withResolvers<void>();
  const said: string[] = [];
  const hold = new Hold(peek, (why) => {
    said.push(why);
    left.resolve(why);
    room.resolve(); // as a session does that ends
  }, ms);
  return { conn, peek, left: left.promise, room, said, hold };
}

Deno.test("a visitor that is held back is read as far as the buffer goes", async () => {
  const { conn, peek, room, said, hold } = visitor();
  const held = hold.until(room.promise);
  conn.push(new Uint8Array(200_000));
  while (peek.size < peek.max) await new Promise((resolve) => setTimeout(resolve, 1));
  room.resolve();
  await held;
  deepStrictEqual([peek.size, said], [peek.max, []]);
});

Deno.test("a visitor that resets while it is held back is noticed", async () => {
  const { conn, left, room, hold } = visitor();
  const held = hold.until(room.promise);
  conn.fail(new Deno.errors.ConnectionReset("reset"));
  strictEqual(await within(5000, "its end", left), "visitor reset");
  await held;
});

Deno.test("a visitor that ended its direction has a while to be answered, and no more", async () => {
  const late = visitor(20);
  const held = late.hold.until(late.room.promise);
  late.conn.end();
  strictEqual(await within(5000, "its end", late.left), "visitor left");
  await held;
  const answered = visitor(60_000);
  const waiting = answered.hold.until(answered.room.promise);
  answered.conn.end();
  while (!answered.peek.ended) await new Promise((resolve) => setTimeout(resolve, 1));
  answered.room.resolve();
  await waiting; // and its timer is gone, which the test runner checks
  deepStrictEqual(answered.said, []);
});
