import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { fileTest } from "../../../common/testdata/gate.ts";
import { headOf, tailOf } from "./ends.ts";
import { Source } from "./source.ts";
import { Home, jsonl } from "./testdata/home.ts";

const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => ({ at: from + at, pad: "x".repeat(1000) }));

async function ends(path: string): Promise<[head: unknown[], tail: unknown[]]> {
  using source = (await Source.open(path))!;
  const head = (await Array.fromAsync(headOf(source))).map(({ at }) => at);
  return [head, (await tailOf(source)).map(({ at }) => at)];
}

fileTest("headOf() and tailOf() give the records at the ends of a file", async () => {
  using home = new Home();
  const [head, tail] = await ends(home.write("a", jsonl(...records(0, 3000))));
  strictEqual(head[0], 0);
  const bytes = jsonl(...records(0, head.length)).length;
  ok(Math.abs(bytes - 1024 * 1024) < 1100, "a megabyte, and no further");
  deepStrictEqual(tail.slice(0, 2), [2999, 2998]);
  strictEqual(tail.length, 64, "no further back than 64 kilobytes, whole lines only");
});

fileTest("headOf() and tailOf() leave out what is broken, half written or too long", async () => {
  using home = new Home();
  const file = home.write(
    "a",
    [
      ...['{"at":0}', "garbage", "", "[1]", '{"at":1}', '{"at":'].map((line) => line + "\n"),
      `{"at":"${"x".repeat(2_000_000)}"}\n`,
      ...['{"at":2}\n', '{"at":3}\n{"at":'],
    ].join(""),
  );
  deepStrictEqual(await ends(file), [[0, 1], [3, 2]]);
  deepStrictEqual(await ends(home.write("b", "")), [[], []]);
  deepStrictEqual(await ends(home.write("c", '{"at":0}')), [[0], [0]]);
});

fileTest("headOf() reads packed files, also damaged ones; they have no tail", async () => {
  using home = new Home();
  const packed = zstdCompressSync(jsonl(...records(0, 5)));
  deepStrictEqual(await ends(home.write("a.zst", packed)), [[0, 1, 2, 3, 4], []]);
  deepStrictEqual(await ends(home.write("b.zst", "nothing packed")), [[], []]);
});
