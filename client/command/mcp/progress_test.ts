import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { FakeTime } from "../sessions/testdata/time.ts";
import type { Extra } from "./context.ts";
import { Progress } from "./progress.ts";

/** A caller who wants to hear of progress, and what it heard. */
function caller(progressToken?: number): { extra: Extra; heard: unknown[] } {
  const heard: unknown[] = [];
  const sendNotification = ({ params }: { params: unknown }) => {
    heard.push(params);
    return Promise.resolve();
  };
  const _meta = progressToken === undefined ? {} : { progressToken };
  return { heard, extra: { _meta, sendNotification } as unknown as Extra };
}

Deno.test("Progress tells the last word at most twice a second, and again when it is quiet", () => {
  using time = new FakeTime();
  let clock = 0;
  const { extra, heard } = caller(7);
  const words = () => heard.map((one) => (one as { message: string }).message);
  const tick = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock += 500;
      time.tick(500);
    }
  };
  using progress = new Progress(extra, "started", () => clock);
  deepStrictEqual(heard, [{ progressToken: 7, progress: 1, message: "started" }]);
  for (let n = 0; n < 100; n++) progress.tell(() => `word\n ${n}`);
  tick(500);
  deepStrictEqual(words(), ["started", "word 99"]);
  tick(9500);
  strictEqual(heard.length, 2);
  tick(500);
  deepStrictEqual(heard.at(-1), { progressToken: 7, progress: 3, message: "word 99" });
  progress.tell(() => "x".repeat(1000));
  tick(500);
  strictEqual(words().at(-1)!.length, 200);
  progress[Symbol.dispose]();
  tick(60_000);
  strictEqual(heard.length, 4);
});

Deno.test("Progress tells nobody who does not want to hear", () => {
  using time = new FakeTime();
  const { extra, heard } = caller();
  using progress = new Progress(extra, "started");
  progress.tell(() => "word");
  time.tick(60_000);
  deepStrictEqual(heard, []);
});
