/**
 * Tests that do the same with every CLI, all at once: they share one `arps` and one `arpc`, as the
 * sessions of a person do.
 *
 * @module
 */

import { EXECUTORS } from "../client/command/executors/mod.ts";
import type { NewSession } from "./api.ts";
import { claude, CLIS, codex, gemini, withClis } from "./clis.ts";
import type { PeerTestOptions } from "./peers.ts";

/** The executors that ask before they use a tool, whose CLIs are there. */
export const ASKING: readonly string[] = EXECUTORS
  .filter(({ name, interactive }) => interactive !== undefined && CLIS[name]?.found)
  .map(({ name }) => name);

/** What a session needs so that its CLI shows its text piece by piece, as it comes. */
export const IN_PIECES: Readonly<Record<string, Partial<NewSession>>> = {
  claude: { extra_args: ["--include-partial-messages"] },
};

/** What a test with all CLIs needs, for `peerTest`: those that must be there. */
export const WITH_CLIS: Pick<PeerTestOptions, "peers" | "permissions"> = withClis(
  ...[claude, codex, gemini].filter(({ name }) => EXECUTORS.some((one) => one.name === name)),
);

/** Does the same for each of these at once, and fails with all that went wrong. */
export async function together(
  names: readonly string[],
  work: (name: string) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(names.map(work));
  const faults = outcomes.flatMap((one, i) =>
    one.status === "fulfilled" ? [] : [`${names[i]}: ${storyOf(one.reason)}`]
  );
  if (faults.length > 0) throw new Error(faults.join("\n\n"));
}

function storyOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
