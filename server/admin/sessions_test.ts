import { strictEqual } from "node:assert/strict";
import { Sessions } from "./sessions.ts";

const HOUR = 3600_000;

Deno.test("a session needs both of its halves", () => {
  const sessions = new Sessions();
  const [one, other] = [sessions.begin(), sessions.begin()];
  strictEqual(sessions.check(one), true);
  strictEqual(sessions.check({ cookie: one.cookie }), false);
  strictEqual(sessions.check({ page: one.page }), false);
  strictEqual(sessions.check({ cookie: one.cookie, page: other.page }), false);
  // A wrong half does not end it.
  strictEqual(sessions.check(one), true);
});

Deno.test("a session ends when nobody uses it, when it is old, and when it is told to", () => {
  let now = 0;
  const sessions = new Sessions(() => now);
  const [idle, used, ended] = [sessions.begin(), sessions.begin(), sessions.begin()];
  sessions.end(ended);
  strictEqual(sessions.check(ended), false);
  for (; now <= 7 * 24 * HOUR; now += 12 * HOUR) strictEqual(sessions.check(used), true);
  strictEqual(sessions.check(used), false);
  strictEqual(sessions.check(idle), false);
  strictEqual(sessions.size, 0);
});

Deno.test("so many sessions and no more; the one in use stays", () => {
  const sessions = new Sessions();
  const mine = sessions.begin();
  for (let nth = 0; nth < 500; nth++) {
    sessions.begin();
    strictEqual(sessions.check(mine), true);
  }
  strictEqual(sessions.size, 100);
});
