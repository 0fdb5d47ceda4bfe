import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Emit, eventStream, pulledStream } from "./sse.ts";
import { FakeTime } from "../sessions/testdata/time.ts";

/** A source in the hands of a test. */
class Source implements Disposable {
  emit: Emit = () => {};
  disposed = 0;

  start = (emit: Emit): Disposable => {
    this.emit = emit;
    return this;
  };

  [Symbol.dispose](): void {
    this.disposed++;
  }
}

const text = ({ value }: { value?: Uint8Array | undefined }) => new TextDecoder().decode(value);

Deno.test("eventStream() writes events, and a comment when nothing happens", async () => {
  using time = new FakeTime();
  const source = new Source();
  const reader = eventStream(source.start).getReader();
  strictEqual(text(await reader.read()), ": open\n\n");
  source.emit("thing", { text: "a\nb" });
  strictEqual(text(await reader.read()), 'event: thing\ndata: {"text":"a\\nb"}\n\n');
  time.tick(15_000);
  match(text(await reader.read()), /^: .*\n\n$/);
  await reader.cancel();
  strictEqual(source.disposed, 1);
  source.emit("late", {});
  time.tick(60_000);
});

Deno.test("eventStream() cuts off a reader who is too slow, once", async () => {
  const source = new Source();
  const reader = eventStream(source.start).getReader();
  const mib = "x".repeat(1024 * 1024);
  for (let n = 0; n < 10; n++) source.emit("thing", mib);
  strictEqual(source.disposed, 1);
  await rejects(async () => {
    for (let n = 0; n < 10; n++) await reader.read();
  }, /too slow/);
});

Deno.test("eventStream() gives the state at its begin whole, and counts what comes then", async () => {
  const source = new Source();
  let say: Emit = () => {};
  const reader = eventStream((emit) => {
    say = emit;
    for (let n = 0; n < 10; n++) emit("thing", "x".repeat(1024 * 1024));
    return source;
  }).getReader();
  for (let n = 0; n < 11; n++) strictEqual((await reader.read()).done, false);
  strictEqual(source.disposed, 0);
  for (let n = 0; n < 10; n++) say("thing", "x".repeat(1024 * 1024));
  strictEqual(source.disposed, 1);
  await rejects(reader.read());
});

Deno.test("pulledStream() writes what is read, and stops when its reader leaves", async () => {
  let written = 0;
  let stopped = false;
  const stream = pulledStream(async function* (signal) {
    try {
      for (; !signal.aborted; written++) {
        await Promise.resolve();
        yield `${written} `;
      }
    } finally {
      stopped = true;
    }
  });
  strictEqual(written, 0);
  const reader = stream.getReader();
  deepStrictEqual([text(await reader.read()), text(await reader.read())], ["0 ", "1 "]);
  ok(written <= 2, String(written));
  await reader.cancel();
  strictEqual(stopped, true);
});

Deno.test("pulledStream() ends with what it writes, and leaves a wait", async () => {
  const ended = pulledStream(async function* () {
    yield "all";
  });
  strictEqual(await new Response(ended).text(), "all");
  const waiting = pulledStream(async function* (signal) {
    yield "first";
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const reader = waiting.getReader();
  await reader.read();
  const reading = reader.read();
  await reader.cancel();
  strictEqual((await reading).done, true);
});
