import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { zstdCompressSync } from "node:zlib";
import { fileTest, testWith } from "../../../common/testdata/gate.ts";
import { Source } from "./source.ts";
import { Home } from "./testdata/home.ts";

async function read(source: Source, from?: number, step?: number): Promise<string> {
  const chunks = await Array.fromAsync(source.chunks(from, step));
  return new TextDecoder().decode(new Uint8Array(chunks.flatMap((chunk) => [...chunk])));
}

fileTest("Source gives the bytes from anywhere, as often as they are wanted", async () => {
  using home = new Home();
  using source = await Source.open(home.write("a", "0123456789"));
  strictEqual(source!.size, 10);
  strictEqual(await read(source!, 0, 3), "0123456789");
  strictEqual(await read(source!, 7, 2), "789");
  strictEqual(await read(source!, 10), "");
  strictEqual(new TextDecoder().decode(await source!.read(8, 100)), "89");
  strictEqual((await source!.read(50, 1)).length, 0);
});

fileTest("Source ends where the file ended when it was opened", async () => {
  using home = new Home();
  const path = home.write("a", "old");
  using source = await Source.open(path);
  Deno.writeTextFileSync(path, " and new", { append: true });
  strictEqual(await read(source!), "old");
  Deno.truncateSync(path, 1);
  strictEqual(await read(source!), "o");
});

fileTest("Source unpacks, and stops early without a trace", async () => {
  using home = new Home();
  const text = "0123456789".repeat(100_000);
  using source = await Source.open(home.write("a.zst", zstdCompressSync(text)));
  ok(source!.packed);
  strictEqual(await read(source!), text);
  strictEqual(await read(source!, 999_995), "56789");
  for await (const chunk of source!.chunks()) {
    ok(chunk.length > 0);
    break;
  }
  using nothing = await Source.open(home.write("c.zst", "no such thing"));
  await rejects(read(nothing!));
});

fileTest("Source opens no folders, no links, and nothing that is gone", async () => {
  using home = new Home();
  home.write("folder.jsonl/a", "");
  strictEqual(await Source.open(home.at("folder.jsonl")), undefined);
  strictEqual(await Source.open(home.at("none")), undefined);
  strictEqual(await Source.open(home.at("folder.jsonl", "a", "b")), undefined);
  if (Deno.build.os === "windows") return;
  Deno.symlinkSync(home.at("folder.jsonl", "a"), home.at("link"));
  strictEqual(await Source.open(home.at("link")), undefined);
});

testWith(
  [{ name: "read" }, { name: "write" }, { name: "run", command: "mkfifo" }],
  "Source does not wait for the writer of a pipe",
  async () => {
    if (Deno.build.os === "windows") return;
    using home = new Home();
    const path = home.at("pipe");
    deepStrictEqual((await new Deno.Command("mkfifo", { args: [path] }).output()).code, 0);
    strictEqual(await Source.open(path), undefined);
  },
);
