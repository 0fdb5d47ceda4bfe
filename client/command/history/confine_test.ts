import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { fileTest } from "../../../common/testdata/gate.ts";
import { folderOf, isInside, isName, isUuid, samePath, withTargets } from "./confine.ts";
import { Home } from "./testdata/home.ts";

/** What somebody may try to get out of a store with. */
const HOSTILE = [
  ...["", ".", "..", "../x", "..\\x", "a/b", "a\\b", "/etc/passwd", "C:\\x", "a\0b", "~", "%2e%2e"],
  ...["../../../../etc/passwd", "x".repeat(5000), " ", "\n", "*", "a:b"],
];

Deno.test("isName() and isUuid() let nothing out of a folder", () => {
  for (const bad of HOSTILE) ok(!isName(bad) && !isUuid(bad), bad);
  for (const good of ["-home-alice", "a.b", "my-pro-j", "0".repeat(64)]) ok(isName(good), good);
  ok(isUuid("11111111-2222-4333-8444-55555555555A"));
  ok(!isUuid("11111111-2222-4333-8444-555555555555\n"));
});

fileTest("isInside() resolves links in all but the last part", async () => {
  using home = new Home();
  home.write("store/project/a.jsonl", "");
  home.write("elsewhere/b.jsonl", "");
  const root = home.at("store");
  ok(await isInside(root, join(root, "project", "a.jsonl")));
  ok(await isInside(root, join(root, "new.jsonl")));
  ok(!await isInside(root, join(root, "..", "elsewhere", "b.jsonl")));
  ok(!await isInside(root, join(root, "nowhere", "c.jsonl")));
  ok(!await isInside(home.at("store2"), join(root, "new.jsonl")));
  if (Deno.build.os === "windows") return;
  Deno.symlinkSync(home.at("elsewhere"), join(root, "link"));
  ok(!await isInside(root, join(root, "link", "b.jsonl")));
  ok(await isInside(root, join(root, "link")), "the link itself is in the store");
  Deno.symlinkSync(root, home.at("other-name"));
  ok(await isInside(home.at("other-name"), join(root, "project", "a.jsonl")));
});

Deno.test("samePath() looks past the ways to write a path", () => {
  ok(samePath("/home/alice/", "/home/alice"));
  ok(samePath("/home/cafe\u0301", "/home/caf\u00e9"));
  ok(samePath("/", "/"));
  ok(!samePath("/home/alice", "/home/alice/b"));
  ok(!samePath("/home/a-b", "/home/a/b"));
  strictEqual(samePath("C:\\Code", "c:/code/"), Deno.build.os === "windows");
});

Deno.test("folderOf() takes absolute folders only", () => {
  const env = (value: string | undefined) => (_name: string) => value;
  const absolute = join(Deno.build.os === "windows" ? "C:\\" : "/", "data");
  strictEqual(folderOf(env(absolute), "X"), absolute);
  for (const none of [undefined, "", "data", "./data", "~/data"]) {
    strictEqual(folderOf(env(none), "X"), undefined);
  }
});

fileTest("withTargets() names what links lead to, also of what is not there yet", () => {
  using home = new Home();
  home.write("real/a", "");
  const [file, missing] = [home.at("real", "a"), home.at("real", "b", "c")];
  deepStrictEqual(withTargets([file, missing]), [file, missing]);
  if (Deno.build.os === "windows") return;
  Deno.symlinkSync(home.at("real"), home.at("link"));
  const linked = [home.at("link", "a"), home.at("link", "b", "c")];
  deepStrictEqual(withTargets(linked), [linked[0], file, linked[1], missing]);
});

Deno.test({
  name: "withTargets() is content without permission, and asks nobody",
  permissions: "none",
  fn: () => deepStrictEqual(withTargets(["/home/alice"]), ["/home/alice"]),
});
