import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Lines, type LineSink, readInto } from "./lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

class Kept implements LineSink {
  lines: string[] = [];
  left: [bytes: number, start: string][] = [];
  line(text: string): void {
    this.lines.push(text);
  }
  tooLong(bytes: number, start: string): void {
    this.left.push([bytes, start]);
  }
}

Deno.test("Lines gives the same lines however the bytes come", () => {
  const text = fc.array(fc.oneof(fc.constantFrom("\n", "\r\n", "", "\ufeff", "😀é"), fc.string()))
    .map((parts) => parts.join(""));
  fc.assert(fc.property(text, fc.array(fc.nat(9)), (text, cuts) => {
    const kept = new Kept();
    const lines = new Lines(kept);
    const all = bytes(text);
    // One buffer for all pieces, as a reader may have.
    const buffer = new Uint8Array(10);
    let at = 0;
    for (let i = 0; at < all.length; i++) {
      const piece = all.subarray(at, at + 1 + (cuts[i % (cuts.length || 1)] ?? 0));
      buffer.set(piece);
      lines.push(buffer.subarray(0, piece.length));
      at += piece.length;
    }
    lines.flush();
    const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(all).split("\n");
    if (expected.at(-1) === "") expected.pop();
    deepStrictEqual(kept.lines, expected.map((line) => line.replace(/\r$/, "")));
    deepStrictEqual(kept.left, []);
  }));
});

Deno.test("Lines leaves out what is longer than the bound, and nothing else", () => {
  for (const size of [1, 7, 64, 5000]) {
    const kept = new Kept();
    const lines = new Lines(kept, 300);
    const all = bytes(`first\n${"x".repeat(300)}\n${"y".repeat(301)}\nlast\n${"z".repeat(900)}`);
    for (let at = 0; at < all.length; at += size) lines.push(all.subarray(at, at + size));
    lines.flush();
    const left = kept.left.map(([size, start]) => [size, start.length]);
    // What comes whole in one push costs nothing more, and is given as it is.
    const expected = size === 5000 ? [[900, 200]] : [[301, 200], [900, 200]];
    deepStrictEqual(left, expected, `in pieces of ${size}`);
    ok(kept.lines.includes("x".repeat(300)));
    strictEqual(kept.lines.at(-1), "last");
  }
});

Deno.test("Lines holds little of a line without end", () => {
  const kept = new Kept();
  const lines = new Lines(kept, 1024 * 1024);
  const piece = new Uint8Array(64 * 1024).fill(97);
  const before = Deno.memoryUsage();
  for (let i = 0; i < 4096; i++) lines.push(piece);
  const grown = Deno.memoryUsage().external - before.external;
  ok(grown < 64 * 1024 * 1024, `${grown} bytes more are held`);
  lines.push(bytes("\nnext\n"));
  deepStrictEqual(kept.lines, ["next"]);
  deepStrictEqual(kept.left.map(([size]) => size), [256 * 1024 * 1024]);
});

Deno.test("Lines takes a long line in very many pieces", () => {
  const kept = new Kept();
  const lines = new Lines(kept);
  const one = bytes("a");
  for (let i = 0; i < 2_000_000; i++) lines.push(one);
  lines.flush();
  strictEqual(kept.lines[0]?.length, 2_000_000);
});

Deno.test("readInto() ends with its stream, its signal, or a broken pipe, and gives the rest", async () => {
  const { signal } = new AbortController();
  const whole = new Kept();
  await readInto(new Lines(whole), ReadableStream.from([bytes("a\nb"), bytes("c")]), signal);
  deepStrictEqual(whole.lines, ["a", "bc"]);

  const broken = new Kept();
  let pulls = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls++ > 0) throw new Error("broken");
      controller.enqueue(bytes("a\nhal"));
    },
  });
  await readInto(new Lines(broken), stream, signal);
  deepStrictEqual(broken.lines, ["a", "hal"]);

  const stopped = new Kept();
  const stop = new AbortController();
  const endless = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes("a\nb")),
    pull: () => stop.abort(),
  }, { highWaterMark: 0 });
  await readInto(new Lines(stopped), endless, stop.signal);
  deepStrictEqual(stopped.lines, ["a", "b"]);
});
