import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Reader, Writer } from "./bytes.ts";

Deno.test("an integer with its size takes as few bytes as can be", () => {
  const sizes: [value: number, hex: string][] = [
    [0, "00"],
    [250, "fa"],
    [251, "fcfb00"],
    [65535, "fcffff"],
    [65536, "fd000001"],
    [2 ** 24, "fe0000000100000000"],
  ];
  for (const [value, hex] of sizes) {
    const { bytes } = new Writer().lenenc(value);
    strictEqual(bytes.toHex(), hex);
    strictEqual(new Reader(bytes).lenenc(), value);
  }
});

Deno.test("NULL, and lengths that no packet has, are no integers", () => {
  for (const hex of ["fb", "ff", "fe0000000001000000", "fc00", ""]) {
    const reader = new Reader(Uint8Array.fromHex(hex));
    strictEqual(reader.lenenc(), 0, hex);
    ok(!reader.ok, hex);
  }
});

Deno.test("what a Writer wrote, a Reader reads", () => {
  const text = fc.string({
    unit: fc.integer({ min: 1, max: 255 }).map((n) => String.fromCharCode(n)),
  });
  fc.assert(fc.property(fc.nat(0xffffffff), text, fc.uint8Array(), (number, text, bytes) => {
    const writer = new Writer().int(4, number).lenenc(number).zeroEnded(text)
      .lenenc(bytes.length).put(bytes).zeros(2).text(text);
    const reader = new Reader(writer.bytes);
    strictEqual(reader.int(4), number);
    strictEqual(reader.lenenc(), number);
    strictEqual(reader.untilZero(), text);
    deepStrictEqual(reader.take(reader.lenenc()), bytes);
    strictEqual(reader.int(2), 0);
    strictEqual(reader.untilZeroOrEnd(), text);
    ok(reader.ok);
    strictEqual(reader.left, 0);
  }));
});

Deno.test("a Reader says once that something was missing, and reads on as if it were empty", () => {
  const reader = new Reader(Uint8Array.of(1, 2));
  strictEqual(reader.int(3), 0);
  strictEqual(reader.untilZero(), "");
  strictEqual(reader.lenenc(), 0);
  strictEqual(reader.text(1), "");
  ok(!reader.ok);
});
