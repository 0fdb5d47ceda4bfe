import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { LogRecord } from "@std/log";
import { type Output, outputSink } from "./output_sink.ts";

const decoder = new TextDecoder();
const record = (text: string) => ({ rawMessage: text }) as unknown as LogRecord;
const formatter = (record: LogRecord) => `${record.rawMessage}\n`;

/** Takes bytes when it is told to. */
class Reader implements Output {
  text = "";
  #open = Promise.withResolvers<void>();

  constructor(reads: boolean) {
    if (reads) this.#open.resolve();
  }

  read(): void {
    this.#open.resolve();
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#open.promise;
    const part = bytes.subarray(0, 5);
    this.text += decoder.decode(part);
    return part.length;
  }
}

Deno.test("outputSink() writes every line whole and in order", async () => {
  const reader = new Reader(true);
  {
    await using sink = outputSink(reader, formatter);
    for (const text of ["one", "a second line", "three"]) sink(record(text));
  }
  strictEqual(reader.text, "one\na second line\nthree\n");
});

Deno.test("outputSink() keeps what fits while nobody reads, and says how much did not", async () => {
  const reader = new Reader(false);
  {
    await using sink = outputSink(reader, formatter, 100);
    for (let n = 0; n < 1000; n++) sink(record(`line ${n}`));
    reader.read();
  }
  const lines = reader.text.trimEnd().split("\n");
  strictEqual(lines[0], "line 0");
  const kept = lines.filter((line) => line.startsWith("line ")).length;
  ok(kept < 20, reader.text);
  ok(lines.includes(`… ${1000 - kept} lines left out`), reader.text);
});

Deno.test("outputSink() does without a reader that has gone", async () => {
  let writes = 0;
  const gone: Output = {
    write: () => {
      writes++;
      return Promise.reject(new Deno.errors.BrokenPipe());
    },
  };
  {
    await using sink = outputSink(gone, formatter);
    sink(record("one"));
    await Promise.resolve().then(() => sink(record("two")));
    await new Promise((resolve) => setTimeout(resolve));
    sink(record("three"));
  }
  deepStrictEqual(writes, 1);
});

Deno.test("outputSink() ends although nobody reads", async () => {
  await using sink = outputSink(new Reader(false), formatter);
  sink(record("one"));
});

Deno.test("outputSink() writes a line that comes at any moment of an earlier one's end", async () => {
  for (let steps = 0; steps < 10; steps++) {
    const reader = new Reader(true);
    {
      await using sink = outputSink(reader, formatter);
      sink(record("one"));
      for (let n = 0; n < steps; n++) await Promise.resolve();
      sink(record("two"));
    }
    strictEqual(reader.text, "one\ntwo\n", `after ${steps}`);
  }
});
