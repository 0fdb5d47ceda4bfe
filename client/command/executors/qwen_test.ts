import { deepStrictEqual, throws } from "node:assert/strict";
import { StartError } from "../drivers/mod.ts";
import type { Installed, Task } from "./mod.ts";
import { qwen } from "./qwen.ts";

const ID = "00000000-0000-4000-8000-000000000000";
const INSTALLED: Installed = { path: "/usr/bin/qwen", version: "0.24.4", has: () => true };
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

Deno.test("Qwen Code gets what the task asks for", () => {
  const interactive = (task: Partial<Task>) =>
    qwen.interactive!.launch({ ...TASK, ...task }, INSTALLED).args;
  // Its own default asks a model.
  deepStrictEqual(interactive({}), ["--acp", "--approval-mode=default"]);
  deepStrictEqual(interactive({ mode: "auto", model: "m", allowedTools: ["a"] }), [
    ...["--acp", "--approval-mode=auto", "--model=m", "--allowed-tools=a"],
  ]);
  deepStrictEqual(interactive({ mode: "bypassPermissions", resume: "id" }), [
    ...["--acp", "--approval-mode=yolo"],
  ]);
  const stream = (task: Partial<Task>) => qwen.stream.launch({ ...TASK, ...task }, INSTALLED).args;
  const format = "--output-format=stream-json";
  deepStrictEqual(stream({ mode: "acceptEdits", extra: ["--max-tool-calls", "5"] }), [
    ...[format, `--session-id=${ID}`, "--approval-mode=auto-edit", "--max-tool-calls=5"],
  ]);
  deepStrictEqual(stream({ resume: "id" })[1], "--resume=id");
  deepStrictEqual(stream({ resumeLast: true })[1], "--continue");
  throws(() => qwen.stream.launch(TASK, { ...INSTALLED, has: () => false }), StartError);
});
