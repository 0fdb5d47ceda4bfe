import { deepStrictEqual, throws } from "node:assert/strict";
import { StartError } from "../drivers/mod.ts";
import { copilot } from "./copilot.ts";
import type { Installed, Task } from "./mod.ts";

const ID = "00000000-0000-4000-8000-000000000000";
const INSTALLED: Installed = { path: "/usr/bin/copilot", version: "1.0.102", has: () => true };
const TASK: Task = {
  newId: ID,
  cwd: "/home/me/project",
  model: undefined,
  mode: "default",
  allowedTools: [],
  resume: undefined,
  resumeLast: false,
  extra: [],
};

Deno.test("Copilot CLI gets what the task asks for", () => {
  const interactive = (task: Partial<Task>) =>
    copilot.interactive!.launch({ ...TASK, ...task }, INSTALLED).args;
  deepStrictEqual(interactive({}), ["--acp"]);
  deepStrictEqual(interactive({ mode: "acceptEdits", allowedTools: ["shell(git:*)"] }), [
    ...["--acp", "--allow-tool=write", "--allow-tool=shell(git:*)"],
  ]);
  deepStrictEqual(interactive({ mode: "bypassPermissions", model: "m" }), [
    ...["--acp", "--allow-all", "--model=m"],
  ]);
  const stream = (task: Partial<Task>) =>
    copilot.stream.launch({ ...TASK, ...task }, INSTALLED).args;
  deepStrictEqual(stream({ extra: ["--deny-tool", "shell(rm)", "--no-auto-update"] }), [
    ...["--output-format=json", `--session-id=${ID}`, "--mode=interactive"],
    ...["--deny-tool=shell(rm)", "--no-auto-update"],
  ]);
  deepStrictEqual(stream({ mode: "plan", resume: "id" }), [
    ...["--output-format=json", "--resume=id", "--mode=plan"],
  ]);
  deepStrictEqual(stream({ resumeLast: true })[1], "--continue");
  for (const style of [copilot.stream, copilot.interactive!]) {
    throws(() => style.launch(TASK, { ...INSTALLED, has: () => false }), StartError);
  }
});
