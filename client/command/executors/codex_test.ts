import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { StartError } from "../drivers/mod.ts";
import { codex } from "./codex.ts";
import type { Installed, Launch, Task } from "./mod.ts";

const INSTALLED: Installed = { path: "/usr/bin/codex", version: "0.169.0", has: () => true };
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
  codex.stream.launch({ ...TASK, ...task }, INSTALLED);
const interactive = (task: Partial<Task> = {}): Launch =>
  codex.interactive!.launch({ ...TASK, ...task }, INSTALLED);

Deno.test("Codex: exec gets what the task asks for", () => {
  const exec = ["exec", "--json", "--skip-git-repo-check", "--sandbox"];
  deepStrictEqual(stream().args, [...exec, "read-only"]);
  deepStrictEqual(stream({ mode: "acceptEdits", model: "m", resume: "id" }).args, [
    ...[...exec, "workspace-write"],
    ...["--model=m", "resume"],
  ]);
  deepStrictEqual(stream({ mode: "plan", resumeLast: true }).args, [
    ...[...exec, "read-only"],
    ...["resume", "--last"],
  ]);
  deepStrictEqual(stream({ mode: "bypassPermissions" }).args, [...exec, "danger-full-access"]);
});

Deno.test("Codex: further arguments come as they were meant", () => {
  const extra = ["--search", "-c", "model_reasoning_effort=high", "--profile=work"];
  deepStrictEqual(stream({ extra }).args.slice(-3), [
    "--profile=work",
    "--config=model_reasoning_effort=high",
    "--config=web_search=live",
  ]);
  deepStrictEqual(interactive({ extra: extra.slice(0, 3) }).args, ["app-server"]);
});

Deno.test("Codex: what could run a program, or read a file, is refused", () => {
  const refused = [
    ["-c", `notify=["sh"]`],
    ["-c", "model_provider=evil"],
    ["-c", "sandbox_mode=danger-full-access"],
    ["-c", `web_search=live"\nnotify=["sh"]`],
    ["--config=mcp_servers.x.command=sh"],
    ["--profile", "../project/evil"],
    ["--profile", ""],
  ];
  for (const extra of refused) throws(() => stream({ extra }), StartError, extra.join(" "));
  throws(() => interactive({ extra: ["--profile", "work"] }), /interactive: false/);
  throws(() => interactive({ allowedTools: ["Bash"] }), /allowed_tools/);
  const old = { ...INSTALLED, has: () => false };
  throws(() => codex.stream.launch(TASK, old), /too old/);
});

Deno.test("Codex: no mode but the one that says so goes without questions and a sandbox", () => {
  const bypassing = codex.modes.filter(({ bypass }) => bypass).map(({ name }) => name);
  deepStrictEqual(bypassing, ["bypassPermissions"]);
  for (const { name, bypass } of codex.modes) {
    const { args } = stream({ mode: name });
    strictEqual(args.includes("danger-full-access"), bypass === true, name);
  }
  throws(() => stream({ mode: "no-such-mode" }), StartError);
});

Deno.test("Codex: no word of a mode means two", () => {
  const words = codex.modes.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  strictEqual(new Set(words).size, words.length);
  ok(["manual", "yolo", "full-auto", "auto_edit"].every((word) => words.includes(word)));
});
