import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { Stats } from "../stats.ts";
import { MAX_LABELS } from "./accounts.ts";

const MINUTE = 60_000;

/** A client that came and went, at `now`. */
function visit(stats: Stats, tag: string, now: number, bytes = 1) {
  const account = stats.accounts.of(tag);
  stats.registered({ account, peer: "192.0.2.1:5", version: "1" });
  account.traffic.down += bytes;
  account.leave("reset", now);
  return account;
}

Deno.test("an account goes on when its client comes back, and is forgotten in the end", () => {
  const { accounts } = new Stats();
  const stats = new Stats();
  const first = visit(stats, "#1", 0, 5);
  stats.sweep(9 * MINUTE);
  strictEqual(stats.accounts.of("#1"), first);
  visit(stats, "#1", 9 * MINUTE, 7);
  deepStrictEqual([first.registrations, first.traffic.down, first.left.of("reset")], [2, 12, 2]);
  stats.sweep(18 * MINUTE);
  strictEqual(stats.accounts.find("#1"), first);
  stats.sweep(20 * MINUTE);
  strictEqual(stats.accounts.find("#1"), undefined);
  strictEqual(stats.accounts.size, 0);
  deepStrictEqual(stats.accounts.labelled(), []);
  // What it carried is not forgotten.
  deepStrictEqual(
    [stats.accounts.total().traffic.down, stats.accounts.total().registrations],
    [12, 2],
  );
  notStrictEqual(stats.accounts.of("#1"), first);
  strictEqual(accounts.size, 0);
});

Deno.test("a client that is online is never forgotten", () => {
  const stats = new Stats();
  const account = stats.accounts.of("#1");
  stats.registered({ account, peer: "", version: undefined });
  stats.sweep(1e12);
  strictEqual(stats.accounts.find("#1"), account);
});

Deno.test("a crowd of clients costs neither memory nor labels, and no number ever falls", () => {
  const stats = new Stats();
  let others = 0;
  for (let round = 0; round < 3; round++) {
    for (let nth = 0; nth < 4000; nth++) visit(stats, `#${round}-${nth}`, round * MINUTE + nth);
    const labelled = stats.accounts.labelled();
    strictEqual(labelled.length, MAX_LABELS + 1);
    strictEqual(new Set(labelled.map(({ label }) => label)).size, labelled.length);
    const rest = labelled.at(-1)!;
    strictEqual(rest.label, "other");
    strictEqual(rest.traffic.down >= others, true);
    others = rest.traffic.down;
    stats.sweep(round * MINUTE + 4000);
    strictEqual(stats.accounts.size <= 1000, true);
    strictEqual(stats.accounts.total().traffic.down, 4000 * (round + 1));
    strictEqual(stats.accounts.labelled().at(-1)!.traffic.down >= others, true);
  }
});
