import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { hunks } from "./hunks.ts";

const diff = (oldText: string, newText: string) => ({ type: "diff", path: "a", oldText, newText });

Deno.test("hunks() gives what was and what is, hunk by hunk", () => {
  const text = `--- a/a
+++ b/a
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
@@ -8,2 +8 @@ function f() {
 eight
-nine
\\ No newline at end of file
`;
  deepStrictEqual(hunks("a", text), [
    diff("one\ntwo\nthree\n", "one\nTWO\nthree\n"),
    diff("eight\nnine\n", "eight\n"),
  ]);
});

Deno.test("hunks() leaves out what stands behind a hunk", () => {
  const text = "@@ -1 +1 @@\n-before\n+after\n\n\nMoved to: /home/me/b";
  deepStrictEqual(hunks("a", text), [diff("before\n", "after\n")]);
});

Deno.test("hunks() takes lines for text that look like those of a header", () => {
  const text = "@@ -1 +1 @@\n--- x\n+++ y\n";
  deepStrictEqual(hunks("a", text), [diff("-- x\n", "++ y\n")]);
});

Deno.test("hunks() never throws, and ends at the end of the text", () => {
  deepStrictEqual(hunks("a", "@@ -1,9999999999 +1 @@\n-x"), [diff("x\n", "")]);
  const line = fc.oneof(
    fc.constantFrom("@@ -1,2 +1 @@", "@@ -0,0 +1,99 @@", "+a", "-b", " c", "\\ d", ""),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(line), (lines) => ok(hunks("a", lines.join("\n")))));
});
