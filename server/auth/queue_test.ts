import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { JobQueue, QueueFullError } from "./queue.ts";

/** A job that the test ends. */
function job(started: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = () => {
    started.push(name);
    return promise;
  };
  return { run, end: () => resolve(name), fail: () => reject(new Error(name)) };
}

Deno.test("run() has so many run, and the others in their order", async () => {
  const queue = new JobQueue({ running: 2, waiting: 2, patience: 60_000 });
  const started: string[] = [];
  const jobs = ["a", "b", "c", "d"].map((name) => job(started, name));
  const results = jobs.map(({ run }) => queue.run(run));
  deepStrictEqual(started, ["a", "b"]);
  await rejects(queue.run(() => Promise.resolve()), QueueFullError);
  jobs[1]!.fail();
  await rejects(results[1]!, /^Error: b$/);
  deepStrictEqual(started, ["a", "b", "c"]);
  jobs[0]!.end();
  strictEqual(await results[0], "a");
  deepStrictEqual(started, ["a", "b", "c", "d"]);
  jobs[2]!.end();
  jobs[3]!.end();
  deepStrictEqual(await Promise.all([results[2], results[3]]), ["c", "d"]);
  strictEqual(await queue.run(() => Promise.resolve("free again")), "free again");
});

Deno.test("run() gives up a job that waited too long, and goes on with the next", async () => {
  const queue = new JobQueue({ running: 1, waiting: 10, patience: -1 });
  const started: string[] = [];
  const first = job(started, "first");
  const running = queue.run(first.run);
  const late = [queue.run(() => Promise.resolve()), queue.run(() => Promise.resolve())];
  first.end();
  await running;
  for (const one of late) await rejects(one, QueueFullError);
  strictEqual(await queue.run(() => Promise.resolve("free again")), "free again");
});
