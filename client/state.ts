/**
 * `~/.arp-client/config`: what the last run leaves for the next, one `key=value` a line.
 *
 * @module
 */

import { join } from "@std/path";
import { readVariable, type Source } from "@agentx/common/cli";

/** Variables with the user's home folder: Unix, then Windows. */
export const HOME_VARIABLES = ["HOME", "USERPROFILE"] as const;

/** The user's home folder; undefined when it is not known. */
export function homeFolder(): string | undefined {
  return HOME_VARIABLES.map(readVariable).find((path) => path !== undefined);
}

/** The folder of the client's state; undefined when the home folder is not known. */
export function stateFolder(): string | undefined {
  const home = homeFolder();
  return home === undefined ? undefined : join(home, ".arp-client");
}

/** The file in it that holds defaults. */
export function stateFile(folder: string): string {
  return join(folder, "config");
}

/** Reads the file as a source of defaults; without one, or without permission, an empty source. */
export function readState(folder: string | undefined): Source {
  const values = new Map<string, string>();
  const path = folder === undefined ? undefined : stateFile(folder);
  for (const line of path === undefined ? [] : readLines(path)) {
    const match = /^\s*([a-z-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match !== null) values.set(match[1]!, match[2]!);
  }
  return {
    describe: (key) => `${path}: "${key}"`,
    get: (key) => values.get(key) || undefined,
  };
}

/** Puts the client id into the file, and leaves its other lines as they are. */
export function writeState(folder: string, clientId: string): void {
  const path = stateFile(folder);
  const others = readLines(path).filter((line) => !/^\s*client-id\s*=/.test(line));
  while (others.at(-1) === "") others.pop();
  const lines = [`client-id=${clientId}`, ...others];
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A reader sees the old file or the new one, never half of one.
  const draft = `${path}.${Deno.pid}`;
  Deno.writeTextFileSync(draft, lines.join("\n") + "\n", { mode: 0o600 });
  Deno.renameSync(draft, path);
}

function readLines(path: string): string[] {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return [];
  try {
    return Deno.readTextFileSync(path).split(/\r?\n/);
  } catch {
    return [];
  }
}
