import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseChanges } from "./changes.ts";

const ids = "100644 100644 1111111 2222222";

Deno.test("parseChanges() reads files with their counts, names as they are", () => {
  const text = [
    `:${ids} M`,
    "a\tb\nc",
    `:${ids} R087`,
    "old",
    "new",
    `:${ids} C100`,
    "source",
    "copy",
    `:${ids} A`,
    "image",
    "3\t1\ta\tb\nc",
    "2\t0\t",
    "old",
    "new",
    "0\t0\t",
    "source",
    "copy",
    "-\t-\timage",
    "",
  ].join("\0");
  const counted = (additions: number | null, deletions: number | null) => ({
    binary: additions === null,
    additions,
    deletions,
  });
  deepEqual(parseChanges(text), [
    { path: "a\tb\nc", from: null, status: "modified", ...counted(3, 1) },
    { path: "new", from: "old", status: "renamed", ...counted(2, 0) },
    { path: "copy", from: null, status: "added", ...counted(0, 0) },
    { path: "image", from: null, status: "added", ...counted(null, null) },
  ]);
});

Deno.test("parseChanges() leaves out what was cut off", () => {
  deepEqual(parseChanges(""), []);
  deepEqual(parseChanges(`:${ids} M\0whole\0:${ids} M\0hal`).map(({ path }) => path), ["whole"]);
  deepEqual(parseChanges(`:${ids} R100\0old\0ne`), []);
});

Deno.test("parseChanges() takes anything", () => {
  const field = fc.oneof(
    fc.string(),
    fc.constantFrom(`:${ids} M`, `:${ids} R100`, "1\t2\t", "1\t2\ta", "-\t-\ta", "a"),
  );
  fc.assert(fc.property(fc.array(field), (fields) => {
    for (const { path, binary, additions } of parseChanges(fields.join("\0"))) {
      if (typeof path !== "string" || (binary && additions !== null)) throw new Error(path);
    }
  }));
});
