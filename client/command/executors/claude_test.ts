import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { StartError } from "../drivers/mod.ts";
import { claude } from "./claude.ts";
import type { Installed, Style, Task } from "./mod.ts";

const ID = "00000000-1111-4222-8333-444444444444";
const NEW = { path: "/bin/claude", version: "2.1.330", has: () => true };

function argsOf(style: Style, task: Partial<Task> = {}, installed: Installed = NEW): string[] {
  const { args } = style.launch({
    newId: ID,
    cwd: "/project",
    model: undefined,
    mode: undefined,
    allowedTools: [],
    resume: undefined,
    resumeLast: false,
    extra: [],
    ...task,
  }, installed);
  return args;
}

const STREAM = [
  "--print",
  "--verbose",
  "--input-format=stream-json",
  "--output-format=stream-json",
];

Deno.test("Claude Code is asked by its own pipe where somebody can answer", () => {
  deepStrictEqual(argsOf(claude.stream), [...STREAM, `--session-id=${ID}`]);
  deepStrictEqual(argsOf(claude.interactive!), [
    ...STREAM,
    `--session-id=${ID}`,
    "--permission-prompt-tool=stdio",
  ]);
});

Deno.test("Claude Code goes on with a session, or with a copy of it", () => {
  const session = (task: Partial<Task>) => argsOf(claude.stream, task).slice(STREAM.length);
  deepStrictEqual(session({ resume: "abc" }), ["--resume=abc"]);
  deepStrictEqual(session({ resumeLast: true }), ["--continue"]);
  deepStrictEqual(session({ resume: "abc", extra: ["--fork-session"] }), [
    "--resume=abc",
    `--session-id=${ID}`,
    "--fork-session",
  ]);
});

Deno.test("Claude Code: every value is tied to its flag, so none is taken for another", () => {
  const args = argsOf(claude.stream, {
    model: "opus",
    mode: "plan",
    allowedTools: ["Bash(git commit:*)", "Write"],
    extra: ["--max-turns", "3", "--append-system-prompt=Be brief.", "--tools", "", "--safe-mode"],
  });
  deepStrictEqual(args.slice(STREAM.length + 1), [
    "--model=opus",
    "--permission-mode=plan",
    "--allowedTools=Bash(git commit:*)",
    "--allowedTools=Write",
    "--max-turns=3",
    "--append-system-prompt=Be brief.",
    "--tools=",
    "--safe-mode",
  ]);
  ok(args.every((word) => word.startsWith("-")));
});

Deno.test("Claude Code: an old one is started without what it does not know, or not at all", () => {
  const old = (...flags: string[]) => ({
    ...NEW,
    version: "1.0",
    has: (f: string) => flags.includes(f),
  });
  deepStrictEqual(argsOf(claude.stream, {}, old("--input-format")), STREAM);
  throws(() => argsOf(claude.stream, {}, old()), (error: unknown) => {
    ok(error instanceof StartError && error.message.includes("claude update"));
    return true;
  });
});

Deno.test("Claude Code: the default mode asks, and one alone bypasses", () => {
  const [first] = claude.modes;
  strictEqual(first?.name, "default");
  deepStrictEqual(claude.modes.filter(({ bypass }) => bypass).map(({ name }) => name), [
    "bypassPermissions",
  ]);
  const words = claude.modes.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  strictEqual(new Set(words).size, words.length);
});

Deno.test("Claude Code: no further argument widens what it may do", () => {
  const never = [
    ...["--dangerously-skip-permissions", "--allow-dangerously-skip-permissions", "--add-dir"],
    ...["--settings", "--mcp-config", "--plugin-dir", "--permission-prompt-tool", "--resume"],
    ...["--permission-mode", "--allowedTools", "--allowed-tools", "--agents", "--debug-file"],
  ];
  deepStrictEqual(never.filter((flag) => flag in claude.extra), []);
});
