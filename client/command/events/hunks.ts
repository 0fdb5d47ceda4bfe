/**
 * Unified diffs, as far as a person wants to see what changed.
 *
 * @module
 */

import type { ToolContent } from "./mod.ts";

const HEADER = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/** The hunks of a unified diff of one file, each as what was and what is. Never throws. */
export function hunks(path: string, diff: string): ToolContent[] {
  const found: ToolContent[] = [];
  const lines = diff.split("\n");
  for (let at = 0; at < lines.length;) {
    const header = HEADER.exec(lines[at++]!);
    if (header === null) continue;
    // The header counts the lines, so that what follows the hunk is not taken for a part of it.
    let [old, fresh] = [Number(header[1] ?? 1), Number(header[2] ?? 1)];
    const before: string[] = [];
    const after: string[] = [];
    for (; (old > 0 || fresh > 0) && at < lines.length; at++) {
      const line = lines[at]!;
      const text = line.slice(1);
      if (line.startsWith("\\")) continue;
      if (!line.startsWith("+")) {
        before.push(text);
        old--;
      }
      if (!line.startsWith("-")) {
        after.push(text);
        fresh--;
      }
    }
    found.push({ type: "diff", path, oldText: join(before), newText: join(after) });
  }
  return found;
}

function join(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
