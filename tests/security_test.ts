/**
 * What SECURITY.md says is shown by tests that exist.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import { WHOLE_PROGRAM } from "./helpers.ts";
import { peerTest } from "./peers.ts";

const ROOT = new URL("../", import.meta.url);

peerTest({
  name: "SECURITY.md: each row of the threat model names a test that there is",
  permissions: WHOLE_PROGRAM,
}, async (t) => {
  const text = await Deno.readTextFile(new URL("SECURITY.md", ROOT));
  const rows = text.split("\n").filter((line) => /^\|(?! they may| -)/.test(line));
  ok(rows.length >= 20, `${rows.length} rows`);
  for (const row of rows) {
    const [, threat = "", , shown = ""] = row.split("|").map((cell) => cell.trim());
    await t.step(threat, async () => {
      const tests = [...shown.matchAll(/`([^`]+\.ts)` "([^"]+)"/g)];
      ok(tests.length > 0, `no test in: ${shown}`);
      for (const [, file = "", words = ""] of tests) {
        const source = await Deno.readTextFile(new URL(file, ROOT));
        // Where a test is registered; a comment or an assertion with these words is none.
        const names = [
          ...source.matchAll(
            /(?:[tT]est\(|name:|\.step\(|step\()\s*(?:\{\s*name:\s*)?["'`]([^"`]+)["`]/g,
          ),
        ]
          .map(([, name = ""]) => name);
        ok(names.some((name) => name.includes(words)), `${file} has no test "${words}"`);
      }
    });
  }
});
