import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Looks } from "./looks.ts";

const HERE = "192.0.2.1";

/** Looks that are in vain, or not, and which of them were taken. */
function eyes() {
  const seen: string[] = [];
  const look = (name: string, found = -1) => () => {
    seen.push(name);
    return found;
  };
  return { seen, look };
}

/** Ten at once, of whom none is right. */
function useUp(looks: Looks): void {
  for (let at = 0; at < 10; at++) strictEqual(looks.take(HERE, "a", () => -1), -1);
}

Deno.test("a network may look ten times in vain, and then once a second", async () => {
  using looks = new Looks();
  const { seen, look } = eyes();
  useUp(looks);
  const start = performance.now();
  const next = [0, 1, 2].map((at) => looks.take(HERE, "a", look(`${at}`)));
  deepStrictEqual(seen, []);
  deepStrictEqual([looks.take("192.0.2.2", undefined, look("elsewhere", 5)), seen], [5, [
    "elsewhere",
  ]]);
  await next[1];
  ok(performance.now() - start >= 1990);
  deepStrictEqual(seen, ["elsewhere", "0", "1"]);
  strictEqual(looks.size, 1);
});

Deno.test("whoever is right holds up nobody", async () => {
  using looks = new Looks();
  const { seen, look } = eyes();
  for (let at = 0; at < 100; at++) strictEqual(looks.take(HERE, undefined, look("", at)), at);
  useUp(looks);
  const start = performance.now();
  // A thousand come back to a place where one guesses.
  const guess = looks.take(HERE, "a", look("guess"));
  const herd = Array.from({ length: 1000 }, (_, at) => looks.take(HERE, `${at}`, look("", at)));
  strictEqual(await guess, -1);
  deepStrictEqual(await Promise.all(herd), Array.from({ length: 1000 }, (_, at) => at));
  // One second for the guess, and one for all the others.
  const took = performance.now() - start;
  ok(took >= 1990 && took < 10_000, `${took} ms`);
  strictEqual(seen.length, 1101);
  strictEqual(looks.size, 0);
});

Deno.test("client ids have their turn one after another, however many come by one of them", async () => {
  using looks = new Looks(6000);
  const { seen, look } = eyes();
  useUp(looks);
  const all = ["a", "a", "a", "b", "b", "c"].map((id) => looks.take(HERE, id, look(id)));
  deepStrictEqual(await Promise.all(all), Array(6).fill(-1));
  deepStrictEqual(seen, ["a", "b", "c", "a", "b", "a"]);
});

Deno.test("strangers do not wait, nor more than there is room for, nor for too long", async () => {
  using looks = new Looks(600, 350);
  const { seen, look } = eyes();
  useUp(looks);
  strictEqual(looks.take(HERE, undefined, look("stranger", 1)), -1);
  const waiting = Array.from({ length: 64 }, () => looks.take(HERE, "a", look("a")));
  strictEqual(looks.take(HERE, "a", look("no room", 1)), -1);
  const late = looks.take(HERE, "b", look("b", 1));
  strictEqual(await late, 1);
  deepStrictEqual(await Promise.all(waiting), Array(64).fill(-1));
  ok(seen.length <= 6 && !seen.includes("no room") && !seen.includes("stranger"), `${seen}`);
  strictEqual(looks.size, 0);
});

Deno.test("at the end nobody waits any more", async () => {
  const looks = new Looks();
  useUp(looks);
  const waiting = [looks.take(HERE, "a", () => 0), looks.take(HERE, "b", () => 0)];
  looks[Symbol.dispose]();
  deepStrictEqual(await Promise.all(waiting), [-1, -1]);
  strictEqual(looks.size, 0);
});
