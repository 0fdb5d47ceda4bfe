import { deepStrictEqual, throws } from "node:assert/strict";
import { join } from "@std/path";
import { StartError } from "../drivers/mod.ts";
import { withPaths } from "./at_paths.ts";
import { gemini } from "./gemini.ts";
import type { Installed, Launch, Task } from "./mod.ts";

const ID = "00000000-0000-4000-8000-000000000000";
const INSTALLED: Installed = { path: "/usr/bin/gemini", version: "0.61.0", has: () => true };
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
const stream = (task: Partial<Task> = {}, installed = INSTALLED): Launch =>
  gemini.stream.launch({ ...TASK, ...task }, installed);
const interactive = (task: Partial<Task> = {}, installed = INSTALLED): Launch =>
  gemini.interactive!.launch({ ...TASK, ...task }, installed);

Deno.test("Gemini CLI gets what the task asks for", () => {
  deepStrictEqual(interactive().args, ["--acp", "--skip-trust", "--approval-mode=default"]);
  deepStrictEqual(
    interactive({ mode: "acceptEdits", model: "m", allowedTools: ["a", "b(c)"] }).args,
    [
      ...["--acp", "--skip-trust", "--approval-mode=auto_edit", "--model=m"],
      ...["--allowed-tools=a", "--allowed-tools=b(c)"],
    ],
  );
  const format = "--output-format=stream-json";
  deepStrictEqual(stream({ mode: "plan", extra: ["--extensions", "x", "--sandbox"] }).args, [
    ...[format, `--session-id=${ID}`, "--skip-trust", "--approval-mode=plan"],
    ...["--extensions=x", "--sandbox"],
  ]);
  deepStrictEqual(stream({ resume: "7", mode: "bypassPermissions" }).args, [
    ...[format, "--resume=7", "--skip-trust", "--approval-mode=yolo"],
  ]);
  deepStrictEqual(stream({ resumeLast: true }).args[1], "--resume=latest");
});

Deno.test("Gemini CLI is started so that signals reach it, and in a folder that is trusted", () => {
  deepStrictEqual(interactive().env, { GEMINI_CLI_NO_RELAUNCH: "true" });
  const old = { ...INSTALLED, has: (flag: string) => flag === "--approval-mode" };
  deepStrictEqual(stream({}, old).env, {
    GEMINI_CLI_NO_RELAUNCH: "true",
    GEMINI_CLI_TRUST_WORKSPACE: "true",
  });
  deepStrictEqual(interactive({}, old).args, ["--experimental-acp", "--approval-mode=default"]);
  throws(() => stream({}, { ...INSTALLED, has: () => false }), StartError);
});

Deno.test("Gemini CLI reads files by paths that are one word", () => {
  const folder = join("home", "my files");
  const file = (name: string) => ({ name, mediaType: "text/plain", path: join(folder, name) });
  const { args, stdin } = withPaths({ text: "look", attachments: [file("a.txt"), file("b.txt")] });
  deepStrictEqual(args, [`--include-directories=${folder}`]);
  deepStrictEqual(stdin?.split("\n").map((line) => line.replaceAll(/[\\/]/g, "/")), [
    "look",
    "@home/my/ files/a.txt",
    "@home/my/ files/b.txt",
  ]);
  deepStrictEqual(withPaths({ text: "look", attachments: [] }), { args: [], stdin: "look" });
});
