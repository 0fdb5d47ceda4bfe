import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { fileTest } from "../../../common/testdata/gate.ts";
import { Home, jsonl } from "./testdata/home.ts";
import { PAGE_BYTES, Transcripts } from "./transcript.ts";

const numbered = (count: number, from = 0) =>
  jsonl(...Array.from({ length: count }, (_, at) => ({ at: from + at })));

async function page(path: string, limit: number, offset: number, transcripts = new Transcripts()) {
  const { messages, ...counts } = (await transcripts.page(path, limit, offset))!;
  return { at: messages.map(({ at }) => at), ...counts };
}

fileTest("Transcripts gives any page, the first time and again", async () => {
  using home = new Home();
  const path = home.write("a", numbered(1000));
  const transcripts = new Transcripts();
  for (const offset of [0, 255, 256, 257, 700, 998]) {
    for (const limit of [1, 2, 300]) {
      const at = Array.from({ length: Math.min(limit, 1000 - offset) }, (_, one) => offset + one);
      deepStrictEqual(await page(path, limit, offset, transcripts), { at, total: 1000, broken: 0 });
    }
  }
  for (const [limit, offset] of [[10, 1000], [10, 5000], [0, 0]] as const) {
    deepStrictEqual((await page(path, limit, offset, transcripts)).at, []);
  }
  strictEqual(await transcripts.page(home.at("none"), 1, 0), undefined);
});

fileTest("Transcripts counts what is broken, and the pages go around it", async () => {
  using home = new Home();
  const lines = ['{"at":0}', "garbage", "", "  ", '{"at":1}', "[1]", '{"at":2}', '{"at":'];
  const path = home.write("a", lines.join("\r\n"));
  deepStrictEqual(await page(path, 10, 0), { at: [0, 1, 2], total: 3, broken: 3 });
  deepStrictEqual(await page(path, 1, 1), { at: [1], total: 3, broken: 3 });
  deepStrictEqual(await page(home.write("b", ""), 10, 0), { at: [], total: 0, broken: 0 });
});

fileTest(
  "Transcripts reads on in a file that has grown, or begins anew with another one",
  async () => {
    using home = new Home();
    const transcripts = new Transcripts();
    const path = home.write("a", numbered(300) + '{"at":30');
    const see = async (limit: number, offset: number) =>
      await page(path, limit, offset, transcripts);
    deepStrictEqual(await see(2, 299), { at: [299], total: 300, broken: 1 });
    Deno.writeTextFileSync(path, "0}\n" + numbered(300, 301), { append: true });
    deepStrictEqual(await see(3, 299), { at: [299, 300, 301], total: 601, broken: 0 });
    deepStrictEqual(await see(2, 512), { at: [512, 513], total: 601, broken: 0 });
    Deno.writeTextFileSync(path, numbered(700, 5000));
    deepStrictEqual(await see(2, 600), { at: [5600, 5601], total: 700, broken: 0 });
    Deno.writeTextFileSync(path, numbered(1, 9));
    deepStrictEqual(await see(2, 0), { at: [9], total: 1, broken: 0 });
    Deno.removeSync(path);
    strictEqual(await transcripts.page(path, 1, 0), undefined);
  },
);

fileTest("Transcripts counts like one who reads the whole file, however it grows", async () => {
  const piece = fc.constantFrom(
    ...['{"at":1}\n', '{"a', "\n", "}", "garbage\n", "\r\n", '{"at":2}', "\u00e9", "[]\n"],
  );
  using home = new Home();
  let file = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(piece, { maxLength: 6 }), { maxLength: 6 }),
      async (writes) => {
        const path = home.write(`${file++}`, "");
        const transcripts = new Transcripts();
        let text = "";
        for (const pieces of writes) {
          text += pieces.join("");
          Deno.writeTextFileSync(path, text);
          const grown = await page(path, 100, 0, transcripts);
          deepStrictEqual(grown, await page(path, 100, 0));
          const lines = text.split("\n").filter((line) => line.trim() !== "");
          strictEqual(grown.total + grown.broken, lines.length);
        }
      },
    ),
    { numRuns: 60 },
  );
});

fileTest("Transcripts ends a page that grows too large, but never without a record", async () => {
  using home = new Home();
  const large = (at: number) => ({ at, pad: "x".repeat(PAGE_BYTES / 3) });
  const path = home.write("a", jsonl({ at: 0 }, large(1), large(2), large(3), large(4)));
  deepStrictEqual(await page(path, 10, 0), { at: [0, 1, 2], total: 5, broken: 0 });
  deepStrictEqual((await page(path, 10, 3)).at, [3, 4]);
  const whole = home.write("b", jsonl({ at: 0, pad: "x".repeat(PAGE_BYTES - 100) }));
  deepStrictEqual((await page(whole, 10, 0)).at, [0]);
});

fileTest("Transcripts skips a line of 50 MB without holding it", async () => {
  using home = new Home();
  const path = home.write("a", '{"at":0}\n{"at":"');
  const megabyte = new Uint8Array(1024 * 1024).fill(120);
  for (let at = 0; at < 50; at++) Deno.writeFileSync(path, megabyte, { append: true });
  Deno.writeTextFileSync(path, '"}\n{"at":1}\n', { append: true });
  const before = Deno.memoryUsage().external;
  deepStrictEqual(await page(path, 10, 0), { at: [0, 1], total: 2, broken: 1 });
  ok(Deno.memoryUsage().external - before < 45 * 1024 * 1024);
});

fileTest("Transcripts reads packed files, and what there is of damaged ones", async () => {
  using home = new Home();
  const packed = zstdCompressSync(numbered(1000));
  const path = home.write("a.jsonl.zst", packed);
  deepStrictEqual(await page(path, 2, 600), { at: [600, 601], total: 1000, broken: 0 });
  const damaged = home.write("b.jsonl.zst", "no such thing");
  deepStrictEqual(await page(damaged, 2, 0), { at: [], total: 0, broken: 1 });
  const cut = home.write("c.jsonl.zst", zstdCompressSync(numbered(1000)).subarray(0, 100));
  ok((await page(cut, 2, 0)).total < 1000);
});

fileTest("Transcripts is asked by many at once, and reads once", async () => {
  using home = new Home();
  const path = home.write("a", numbered(20_000));
  const transcripts = new Transcripts();
  const pages = await Promise.all(
    Array.from({ length: 10 }, (_, at) => page(path, 1, at * 1000, transcripts)),
  );
  deepStrictEqual(pages.map(({ at }) => at[0]), pages.map((_, at) => at * 1000));
});
