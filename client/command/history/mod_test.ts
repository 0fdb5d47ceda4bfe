import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { isAbsolute, join } from "@std/path";
import { HISTORIES, HISTORY_VARIABLES, historyFolders, openHistories } from "./mod.ts";

const HOME = join(Deno.build.os === "windows" ? "C:\\Users" : "/home", "alice");

Deno.test("historyFolders() names what is read and written, nothing that holds a key", () => {
  const { read, write } = historyFolders(HOME, () => undefined);
  for (const path of [...read, ...write]) ok(isAbsolute(path) && path.startsWith(HOME), path);
  for (const path of write) ok(read.includes(path), path);
  const keys = [
    ".claude/.credentials.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
    ".qwen/oauth_creds.json",
    ".local/share/opencode/auth.json",
    ".copilot/config.json",
  ];
  for (const key of keys.map((one) => join(HOME, ...one.split("/")))) {
    ok(!read.some((path) => key.startsWith(path)), key);
  }
});

Deno.test("historyFolders() looks up the variables that it says, and no others", () => {
  const asked = new Set<string>();
  historyFolders(HOME, (name) => void asked.add(name));
  openHistories(HOME, (name) => void asked.add(name));
  deepStrictEqual([...asked].sort(), [...HISTORY_VARIABLES].sort());
});

Deno.test("openHistories() opens one of each, and touches nothing", () => {
  deepStrictEqual([...openHistories(HOME, () => undefined).keys()], Object.keys(HISTORIES));
  strictEqual(openHistories(HOME, () => undefined).size, 6);
});
