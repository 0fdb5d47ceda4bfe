/**
 * `arps --check`: whether the files that the options name are of use. Nothing is started.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { UsageError, type Values, warn } from "@agentx/common/cli";
import { dirname } from "@std/path";
import type { OPTIONS } from "./options.ts";

/**
 * What is wrong with the files. What a server would start with, but its owner should know of, goes
 * to standard error.
 *
 * @param values those that could be read.
 */
export async function examine(values: Partial<Values<typeof OPTIONS>>): Promise<string[]> {
  const { "auth-file": auth, "tls-cert": cert, "tls-key": key, "log-file": log } = values;
  return [
    ...(cert === undefined || key === undefined
      ? []
      : await mistakes(() => examineTls({ cert, key }))),
    ...(auth === undefined ? [] : await mistakes(() => examineAuth(auth))),
    ...(log === undefined ? [] : await mistakes(() => examineLog(log))),
  ];
}

async function examineTls(files: { cert: string; key: string }): Promise<void> {
  const { load, trouble } = await import("./tls/identity.ts");
  const { facts } = await load(files);
  const why = trouble(facts, Date.now());
  if (why !== undefined) warn("arps", `--tls-cert ${files.cert}: ${why}`);
}

async function examineAuth(file: string): Promise<void> {
  const { readEntries } = await import("./auth/entries.ts");
  await readEntries(file);
}

async function examineLog(file: string): Promise<void> {
  try {
    if ((await Deno.stat(dirname(file))).isDirectory) return;
  } catch (error) {
    throw new UsageError(`--log-file ${file}: its folder cannot be used: ${reason(error)}`);
  }
  throw new UsageError(`--log-file ${file}: expected a folder, found ${dirname(file)}`);
}

/** One for each line. */
async function mistakes(task: () => Promise<void>): Promise<string[]> {
  try {
    await task();
    return [];
  } catch (error) {
    return reason(error).split("\n");
  }
}
