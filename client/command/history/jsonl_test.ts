import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { isBlank, type Line, linesOf, parseRecord } from "./jsonl.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function lines(chunks: readonly Uint8Array[], start = 0, max?: number): Promise<Line[]> {
  return (await Array.fromAsync(linesOf(stream(chunks), start, max))).flat();
}

const text = ({ bytes }: Line) => bytes && decoder.decode(bytes);

Deno.test("linesOf() gives every line once, with its place, however the bytes are cut", async () => {
  const pieces = fc.array(
    fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.map((one) => one % 14)),
  );
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(1000), async (chunks, start) => {
      const whole = new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
      const found = await lines(chunks, start);
      strictEqual(found.at(-1)?.end ?? start, start + whole.length);
      let at = start;
      for (const line of found) {
        strictEqual(line.start, at);
        const expected = whole.subarray(at - start, line.end - start - (line.ended ? 1 : 0));
        deepStrictEqual([...line.bytes!], [...expected]);
        ok(!line.bytes!.includes(10));
        strictEqual(line.ended, whole[line.end - start - 1] === 10 && line.end > line.start);
        at = line.end;
      }
    }),
  );
});

Deno.test("linesOf() leaves out what is too long, and holds no more of it than one chunk", async () => {
  const chunk = encoder.encode("x".repeat(1000));
  const found = await lines(
    [
      encoder.encode("first\n"),
      ...Array.from({ length: 50 }, () => chunk),
      encoder.encode("\nlast\n"),
    ],
    0,
    1500,
  );
  deepStrictEqual(found.map(text), ["first", undefined, "last"]);
  strictEqual(found[1]!.end, 6 + 50_000 + 1);
});

Deno.test("linesOf() tells that the last line has no end", async () => {
  deepStrictEqual((await lines([encoder.encode("a\nb")])).map(({ ended }) => ended), [true, false]);
  deepStrictEqual(await lines([]), []);
});

Deno.test("parseRecord() takes JSON objects, and nothing else", () => {
  const parse = (line: string) => parseRecord(encoder.encode(line));
  deepStrictEqual(parse('{"a":1}\r'), { a: 1 });
  deepStrictEqual(parse('\ufeff{"a":"\\ud800"}'), { a: "\ud800" });
  for (const bad of ["", "{", '{"a":', "null", "1", '"a"', "[{}]", '{"a":1}{"b":2}', "{'a':1}"]) {
    strictEqual(parse(bad), undefined, bad);
  }
  strictEqual(parseRecord(undefined), undefined);
});

Deno.test("parseRecord() takes bytes that are no UTF-8 for what they may have been", () => {
  const bytes = new Uint8Array([...encoder.encode('{"a":"'), 0xff, 0xfe, ...encoder.encode('"}')]);
  deepStrictEqual(parseRecord(bytes), { a: "\ufffd\ufffd" });
});

Deno.test("parseRecord() refuses what nests without reason, so that others may recurse", () => {
  const nested = (depth: number) =>
    encoder.encode(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  ok(parseRecord(nested(400)));
  strictEqual(parseRecord(nested(501)), undefined);
  strictEqual(parseRecord(nested(1_000_000)), undefined);
});

Deno.test("isBlank() tells lines with nothing in them", () => {
  ok(isBlank(encoder.encode(" \t\r")));
  ok(isBlank(new Uint8Array(0)));
  ok(!isBlank(encoder.encode(" {")));
  ok(!isBlank(undefined));
});
