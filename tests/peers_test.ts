import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { judge, peer, peerTest } from "./peers.ts";

Deno.test("peer() names what is missing and how to get it", () => {
  const absent = peer("arp-no-such-program", "it does not exist");
  strictEqual(absent.found, false);
  throws(() => absent.path, /arp-no-such-program: not found \(it does not exist\)/);
});

Deno.test("judge() skips on another operating system, even when peers are required", () => {
  const verdict = judge({ os: [] }, true);
  deepStrictEqual(verdict, { run: false, fail: false, reason: "only on " });
});

Deno.test({
  name: "judge() skips for want of a permission and names the flag",
  permissions: "none",
  fn: () => {
    const verdict = judge({ permissions: [{ name: "read", path: "/tmp" }] }, true);
    deepStrictEqual(verdict, { run: false, fail: false, reason: "needs --allow-read=/tmp" });
    const unseen = judge({ peers: [peer("sh", "part of the system")] }, true);
    ok(!unseen.run && !unseen.fail);
    match(unseen.reason, /--allow-env=PATH.*--allow-read.*--allow-run=sh/);
  },
});

const all: Deno.PermissionDescriptor[] = [{ name: "env" }, { name: "read" }, { name: "run" }];

peerTest(
  { name: "judge() fails a missing peer only when peers are required", permissions: all },
  () => {
    const peers = [peer("arp-no-such-program", "cannot be had")];
    const reason = "needs arp-no-such-program: cannot be had";
    deepStrictEqual(judge({ peers }, false), { run: false, fail: false, reason });
    deepStrictEqual(judge({ peers }, true), { run: false, fail: true, reason });
    const unreachable = ["other", "arp-no-such-program"];
    deepStrictEqual(judge({ peers }, true, unreachable), { run: false, fail: false, reason });
  },
);

peerTest({ name: "peer() takes the first of several names", permissions: all }, () => {
  const deno = peer(["arp-no-such-program", "deno"], "");
  strictEqual(deno.name, "arp-no-such-program");
  ok(deno.path.includes("deno"));
});

peerTest({ name: "peer() looks for a full path there alone", permissions: all }, () => {
  const elsewhere = peer("/arp-no-such-folder/deno", "");
  deepStrictEqual([elsewhere.name, elsewhere.found], ["deno", false]);
  const here = peer(peer("deno", "").path.replace(/\.exe$/, ""), "");
  deepStrictEqual([here.name, here.found], ["deno", true]);
});
