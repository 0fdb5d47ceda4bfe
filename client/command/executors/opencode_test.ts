import { deepStrictEqual, throws } from "node:assert/strict";
import { StartError } from "../drivers/mod.ts";
import type { Installed, Launch, Task } from "./mod.ts";
import { opencode } from "./opencode.ts";

const INSTALLED: Installed = { path: "/usr/bin/opencode", version: "1.18.33", has: () => true };
const TASK: Task = {
  newId: "00000000-0000-4000-8000-000000000000",
  cwd: "/home/me/project",
  model: undefined,
  mode: "default",
  allowedTools: [],
  resume: undefined,
  resumeLast: false,
  extra: [],
};
const stream = (task: Partial<Task> = {}): Launch =>
  opencode.stream.launch({ ...TASK, ...task }, INSTALLED);
const interactive = (task: Partial<Task> = {}): Launch =>
  opencode.interactive!.launch({ ...TASK, ...task }, INSTALLED);

Deno.test("opencode gets what the task asks for", () => {
  deepStrictEqual(interactive({ model: "m", mode: "plan" }).args, ["acp"]);
  deepStrictEqual(interactive({ extra: ["--pure"] }).args, ["acp", "--pure"]);
  throws(() => interactive({ extra: ["--title", "t"] }), /takes only --pure/);
  deepStrictEqual(stream({ model: "p/m", mode: "plan", resume: "ses_1" }).args, [
    ...["run", "--format=json", "--session=ses_1", "--model=p/m", "--agent=plan"],
  ]);
  deepStrictEqual(
    stream({ resumeLast: true, mode: "bypassPermissions", extra: ["--title", "t"] }).args,
    ["run", "--format=json", "--continue", "--auto", "--title=t"],
  );
  throws(() => stream({ allowedTools: ["bash"] }), StartError);
});

Deno.test("opencode asks in all modes but one, and is not freed from what it denies", () => {
  const asked = (mode: string) => {
    const { OPENCODE_PERMISSION } = interactive({ mode }).env ?? {};
    return OPENCODE_PERMISSION === undefined ? undefined : JSON.parse(OPENCODE_PERMISSION);
  };
  const ask = { "*": "ask" };
  const always = { bash: ask, webfetch: ask, websearch: ask };
  deepStrictEqual(asked("default"), { ...always, edit: ask });
  deepStrictEqual(asked("acceptEdits"), always);
  deepStrictEqual(asked("plan"), always);
  deepStrictEqual(asked("bypassPermissions"), undefined);
});
