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
  const labels = new Set<string>();
  let others = 0;
  for (let round = 0; round < 3; round++) {
    for (let nth = 0; nth < 4000; nth++) visit(stats, `#${round}-${nth}`, round * MINUTE + nth);
    const labelled = stats.accounts.labelled();
    for (const { label } of labelled) labels.add(label);
    strictEqual(new Set(labelled.map(({ label }) => label)).size, labelled.length);
    // Not one more as long as those that had them are remembered, be they forgotten for others.
    strictEqual(labels.size, MAX_LABELS + 1);
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

Deno.test("a label is free when who had it would be forgotten, and until then its own", () => {
  const stats = new Stats();
  for (let nth = 0; nth < 3 * MAX_LABELS; nth++) visit(stats, `#${nth}`, nth);
  stats.sweep(MINUTE);
  strictEqual(stats.accounts.find("#0"), undefined);
  strictEqual(visit(stats, "#new", MINUTE).label, "other");
  // Whoever had one comes back to it.
  strictEqual(visit(stats, "#0", MINUTE).label, "#0");
  stats.sweep(10 * MINUTE + MAX_LABELS / 2);
  const free = MAX_LABELS / 2 - 1;
  const late = Array.from({ length: MAX_LABELS }, (_, nth) => {
    return visit(stats, `#late-${nth}`, 10 * MINUTE + MAX_LABELS / 2).label;
  });
  strictEqual(late.filter((label) => label !== "other").length, free);
});

Deno.test("a client that left visitors behind is forgotten after them, with all that they come to", () => {
  const stats = new Stats();
  const account = visit(stats, "#1", 0, 5);
  const crowd = () => {
    for (let nth = 0; nth < 2000; nth++) visit(stats, `#crowd-${nth}`, MINUTE);
  };
  crowd();
  for (const minute of [1, 9, 11, 600]) {
    stats.sweep(minute * MINUTE, () => new Set([account]));
    strictEqual(stats.accounts.find("#1"), account, `after ${minute} min`);
    account.traffic.down += 10;
  }
  account.served++;
  crowd();
  const named = stats.accounts.labelled().find(({ label }) => label === "#1");
  deepStrictEqual([named?.traffic.down, named?.served], [45, 1]);
  stats.sweep(600 * MINUTE);
  strictEqual(stats.accounts.find("#1"), undefined);
  deepStrictEqual(
    [stats.accounts.total().traffic.down, stats.accounts.total().served],
    [4045, 1],
  );
});
