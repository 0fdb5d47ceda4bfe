import { strictEqual } from "node:assert/strict";
import { exitReason } from "./exit.ts";

Deno.test("exitReason() says how it ended and what it said last, in one line", () => {
  const said = exitReason({
    code: 2,
    signal: null,
    stderr: "\x1b[31mError:\x1b[0m no\n  such flag\n",
  });
  strictEqual(said, "The CLI ended with exit code 2; the last it said: Error: no such flag");
  const killed = exitReason({ code: null, signal: "SIGKILL", stderr: "" });
  strictEqual(killed, "The CLI ended with signal SIGKILL and said nothing");
  const hinted = exitReason({ code: 1, signal: null, stderr: " \n" }, "Session not found");
  strictEqual(hinted, "The CLI ended with exit code 1; the last it said: Session not found");
});

Deno.test("exitReason() quotes only the end of much", () => {
  const reason = exitReason({ code: 1, signal: null, stderr: `${"x ".repeat(2000)}the end` });
  strictEqual(reason.length < 700 && reason.endsWith("x the end"), true);
});

Deno.test("exitReason() tells root how to bypass permissions in a sandbox", () => {
  const stderr = "--dangerously-skip-permissions cannot be used with root/sudo privileges";
  strictEqual(exitReason({ code: 1, signal: null, stderr }).includes("IS_SANDBOX=1"), true);
});
