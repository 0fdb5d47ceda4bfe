/**
 * The documents against each other: links that lead somewhere, and two READMEs that say the same.
 *
 * @module
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join, normalize } from "@std/path";
import { peerTest } from "../tests/peers.ts";

const ROOT = dirname(import.meta.dirname ?? ".");
const FENCE = /^ *```(\w*)\n([^]*?)^ *```$/gm;
const files = [{ name: "read" }] as const;

/** All documents, relative to the project. */
async function documents(): Promise<string[]> {
  const found = ["scripts/bench/README.md"];
  for (const folder of [".", "docs"]) {
    for await (const { name } of Deno.readDir(join(ROOT, folder))) {
      if (name.endsWith(".md")) found.push(join(folder, name));
    }
  }
  return found.sort();
}

const read = (path: string) => Deno.readTextFile(join(ROOT, path));

/** What a heading is called in a link, as GitHub makes it. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
}

async function anchorsOf(path: string): Promise<Set<string>> {
  const text = (await read(path)).replaceAll(FENCE, "");
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading!)));
}

/** The commands of a document, without what is said about them. */
async function commands(path: string): Promise<string[]> {
  const blocks = (await read(path)).matchAll(FENCE);
  return [...blocks].filter(([, language]) => language === "sh").map(([, , text]) =>
    text!.replaceAll(/(?:^| +)# .*$/gm, "").replaceAll(/\n+/g, "\n").trim()
  );
}

peerTest({ name: "documents: each link leads somewhere", permissions: files }, async () => {
  let links = 0;
  for (const document of await documents()) {
    const text = (await read(document)).replaceAll(FENCE, "");
    for (const [, link] of text.matchAll(/\]\(((?!https?:)[^)\s]+)\)/g)) {
      const [path, fragment] = link!.split("#");
      const target = path === "" ? document : normalize(join(dirname(document), path!));
      const there = await Deno.stat(join(ROOT, target)).catch(() => undefined);
      ok(there !== undefined, `${document}: ${link} is not there`);
      if (fragment !== undefined) {
        ok((await anchorsOf(target)).has(fragment), `${document}: ${link} is no heading`);
      }
      links++;
    }
  }
  ok(links > 50, `${links} links`);
});

peerTest(
  { name: "documents: both READMEs have the same commands", permissions: files },
  async () => {
    const [english, chinese] = await Promise.all([
      commands("README.md"),
      commands("README.zh-CN.md"),
    ]);
    ok(english.length > 10, `${english.length} blocks of commands`);
    deepStrictEqual(chinese, english);
  },
);

peerTest(
  { name: "documents: both READMEs have the same sections", permissions: files },
  async () => {
    const levels = async (path: string) =>
      [...(await read(path)).replaceAll(FENCE, "").matchAll(/^(#+) /gm)].map(([, marks]) => marks);
    const rows = async (path: string) => (await read(path)).match(/^\|/gm)?.length;
    deepStrictEqual(await levels("README.zh-CN.md"), await levels("README.md"));
    strictEqual(await rows("README.zh-CN.md"), await rows("README.md"));
  },
);
