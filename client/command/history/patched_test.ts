import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { fileTest } from "../../../common/testdata/gate.ts";
import { PatchedTranscripts } from "./patched.ts";
import { fixture, Home, jsonl } from "./testdata/home.ts";
import { PAGE_BYTES } from "./transcript.ts";

async function page(path: string, limit = 100, offset = 0, transcripts = new PatchedTranscripts()) {
  const { messages, ...counts } = (await transcripts.page(path, limit, offset))!;
  return { seen: messages.map(({ id, v }) => `${id}${v ?? ""}`).join(" "), ...counts };
}

fileTest("PatchedTranscripts shows each message once, in its last state", async () => {
  using home = new Home();
  const transcripts = new PatchedTranscripts();
  const path = home.write("a", fixture("gemini.jsonl"));
  const { messages, total, broken } = (await transcripts.page(path, 100, 0))!;
  deepStrictEqual([total, broken], [5, 0]);
  deepStrictEqual(messages.map(({ type }) => type), ["user", "user", "gemini", "user", "gemini"]);
  strictEqual((messages[2]!.toolCalls as { name: string }[])[0]!.name, "run_shell_command");
});

fileTest("PatchedTranscripts follows every kind of change", async () => {
  using home = new Home();
  const head = { sessionId: "s", projectHash: "h" };
  const changes: [string, ...object[]][] = [
    ["a1 b1", { id: "a", v: 1 }, { id: "b", v: 1 }],
    ["a2 b1", { id: "a", v: 1 }, { id: "b", v: 1 }, { id: "a", v: 2 }],
    ["c1 d1", { id: "a" }, {
      $set: { messages: [{ id: "c", v: 1 }, { id: "d", v: 1 }, {}, null] },
    }],
    ["c1 d2 a", { $set: { messages: [{ id: "c", v: 1 }, { id: "d", v: 1 }] } }, { id: "d", v: 2 }, {
      id: "a",
    }],
    ["", { id: "a" }, { $set: { messages: [] } }],
    ["a", { id: "a" }, { id: "b" }, { id: "c" }, { $rewindTo: "b" }],
    ["", { id: "a" }, { id: "b" }, { $rewindTo: "unknown" }],
    ["a", { id: "a" }, { $set: { lastUpdated: "x", messages: "none" } }, { other: 1 }],
    ["x y", { ...head, messages: [{ id: "x" }, { id: "y" }] }],
  ];
  for (const [at, [seen, ...records]] of changes.entries()) {
    strictEqual((await page(home.write(`${at}`, jsonl(head, ...records)))).seen, seen, `${at}`);
  }
});

fileTest(
  "PatchedTranscripts gives pages, reads a file again that has changed, counts the broken",
  async () => {
    using home = new Home();
    const transcripts = new PatchedTranscripts();
    const path = home.write(
      "a",
      jsonl({ $set: { messages: [{ id: "a" }, { id: "b" }] } }, { id: "c" }),
    );
    const see = async (limit: number, offset: number) =>
      await page(path, limit, offset, transcripts);
    deepStrictEqual(await see(2, 1), { seen: "b c", total: 3, broken: 0 });
    deepStrictEqual(await see(1, 5), { seen: "", total: 3, broken: 0 });
    Deno.writeTextFileSync(path, '{"id":"d"}\nbroken\n{"id":"e', { append: true });
    deepStrictEqual(await see(2, 2), { seen: "c d", total: 4, broken: 2 });
    Deno.removeSync(path);
    strictEqual(await transcripts.page(path, 1, 0), undefined);
  },
);

fileTest("PatchedTranscripts ends a page that grows too large", async () => {
  using home = new Home();
  const pad = "x".repeat(PAGE_BYTES / 3);
  const path = home.write("a", jsonl(...["a", "b", "c", "d"].map((id) => ({ id, pad }))));
  strictEqual((await page(path)).seen, "a b");
  strictEqual((await page(path, 10, 2)).seen, "c d");
});

fileTest("PatchedTranscripts agrees with a plain reading of the whole log", async () => {
  const id = fc.constantFrom("a", "b", "c", "d");
  const message = fc.record({ id, v: fc.nat(9) });
  const change = fc.oneof(
    message,
    fc.record({ $set: fc.record({ messages: fc.array(message, { maxLength: 3 }) }) }),
    fc.record({ $rewindTo: id }),
    fc.constant({ $set: { summary: "x" } }),
  );
  using home = new Home();
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
      let list: { id: string; v: number }[] = [];
      const put = (one: { id: string; v: number }) => {
        const at = list.findIndex((other) => other.id === one.id);
        if (at === -1) list.push(one);
        else list[at] = one;
      };
      for (const one of changes) {
        if ("$rewindTo" in one) {
          const at = list.findIndex((other) => other.id === one.$rewindTo);
          list = at === -1 ? [] : list.slice(0, at);
        } else if ("id" in one) put(one);
        else if ("messages" in one.$set) {
          list = [];
          one.$set.messages.forEach(put);
        }
      }
      const { seen } = await page(home.write("log", jsonl(...changes)));
      strictEqual(seen, list.map((one) => `${one.id}${one.v}`).join(" "));
    }),
    { numRuns: 100 },
  );
});
