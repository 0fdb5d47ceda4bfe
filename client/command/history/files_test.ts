import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { fileTest } from "../../../common/testdata/gate.ts";
import { forAll, look, namesIn, readSmall, removeIfThere, statFile } from "./files.ts";
import { Home } from "./testdata/home.ts";

const windows = Deno.build.os === "windows";

fileTest("namesIn() tells files from folders, and follows no links", async () => {
  using home = new Home();
  home.write("a.jsonl", "");
  home.write("b/c.jsonl", "");
  if (!windows) {
    Deno.symlinkSync(home.at("a.jsonl"), home.at("link.jsonl"));
    Deno.symlinkSync(home.at("b"), home.at("linked"));
  }
  deepStrictEqual(await namesIn(home.path, "file"), ["a.jsonl"]);
  deepStrictEqual(await namesIn(home.path, "directory"), ["b"]);
});

fileTest("what is not there is empty, whatever stands in its place", async () => {
  using home = new Home();
  const file = home.write("a", "text");
  const long = home.at("x".repeat(300));
  for (const path of [home.at("none"), home.at("a", "b"), long]) {
    deepStrictEqual(await namesIn(path, "file"), []);
    strictEqual(statFile(path), undefined);
    strictEqual(await readSmall(path, 100), undefined);
  }
  deepStrictEqual(await namesIn(file, "file"), []);
  strictEqual(statFile(home.path), undefined);
  strictEqual(await readSmall(file, 3), undefined);
  strictEqual(await readSmall(file, 4), "text");
  ok(!await removeIfThere(home.at("none")));
  if (windows) return;
  Deno.symlinkSync(file, home.at("link"));
  strictEqual(statFile(home.at("link")), undefined);
  strictEqual(await readSmall(home.at("link"), 100), undefined);
  Deno.symlinkSync(home.at("loop"), home.at("loop"));
  deepStrictEqual(await namesIn(home.at("loop"), "file"), []);
});

fileTest("removeIfThere() removes a link, not what it leads to", async () => {
  if (windows) return;
  using home = new Home();
  home.write("kept/a", "text");
  Deno.mkdirSync(home.at("folder"));
  Deno.symlinkSync(home.at("kept"), home.at("folder", "link"));
  Deno.symlinkSync(home.at("kept"), home.at("link"));
  ok(await removeIfThere(home.at("link")));
  ok(await removeIfThere(home.at("folder")));
  deepStrictEqual([...Deno.readDirSync(home.path)].map(({ name }) => name), ["kept"]);
  strictEqual(Deno.readTextFileSync(home.at("kept", "a")), "text");
});

Deno.test("look() keeps the order, leaves out what is none, and lets others have their turn", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const found = await look([1, 2, 3, 4, 5, 6], (one) => {
    const end = performance.now() + 4;
    while (performance.now() < end);
    return one % 2 === 0 ? undefined : one * 10;
  });
  clearInterval(timer);
  deepStrictEqual(found, [10, 30, 50]);
  ok(turns > 0);
});

Deno.test("forAll() does a few at a time, in order, and says what went wrong", async () => {
  let now = 0;
  let most = 0;
  const items = Array.from({ length: 100 }, (_, at) => at);
  const results = await forAll(items, async (one) => {
    most = Math.max(most, ++now);
    await Promise.resolve();
    now--;
    return one * 2;
  });
  deepStrictEqual(results, items.map((one) => one * 2));
  ok(most > 1 && most <= 16, `${most}`);
  deepStrictEqual(await forAll([], () => Promise.reject(new Error("never"))), []);
  await rejects(
    forAll(items, (one) => one === 50 ? Promise.reject(new Error("fifty")) : Promise.resolve()),
    /fifty/,
  );
});
