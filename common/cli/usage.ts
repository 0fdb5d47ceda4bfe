/**
 * What a user got wrong, told so that it can be mended.
 *
 * @module
 */

/** Bad flags, variables or files: the user's to mend. Ends a program with exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * All that is wrong in one error: who mends a file does not want to hear of it line by line.
 *
 * @param hint a last line, for whatever was wrong.
 */
export function usageError(problems: readonly string[], hint = ""): UsageError {
  const sorted = inFileOrder(problems);
  const [only = "", ...more] = sorted;
  const text = more.length === 0
    ? only
    : [`${sorted.length} problems`, ...sorted.map((one) => `  ${one.replaceAll("\n", "\n  ")}`)]
      .join("\n");
  return new UsageError(hint === "" ? text : `${text}\n${hint}`);
}

/** What a check that throws finds wrong. */
export function mistakesOf(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof UsageError) return [error.message];
    throw error;
  }
}

/** What is wrong in a file, as one reads it: those with `file:line:column: ` in front change places. */
export function inFileOrder(problems: readonly string[]): string[] {
  const placed = problems.map((text, at) => {
    const [, file, line, column] = /^(.+?):(\d+):(\d+): /.exec(text) ?? [];
    return { text, at, file, place: Number(line) * 1e6 + Number(column) };
  });
  const sorted = [...problems];
  for (const [file, ones] of Map.groupBy(placed, ({ file }) => file)) {
    if (file === undefined) continue;
    const inOrder = ones.toSorted((a, b) => a.place - b.place);
    for (const [nth, { at }] of ones.entries()) sorted[at] = inOrder[nth]!.text;
  }
  return sorted;
}

/** How far a word may be from a known one to be taken for a slip: every third letter. */
const LETTERS_PER_SLIP = 3;

/** The known word that somebody most likely meant; undefined when none, or no single one, is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const wanted = plain(word);
  let [best, least] = [undefined as string | undefined, Infinity];
  for (const one of known) {
    const slips = distance(wanted, plain(one));
    if (slips < least && slips <= Math.max(1, Math.floor(one.length / LETTERS_PER_SLIP))) {
      [best, least] = [one, slips];
    }
  }
  if (best !== undefined || wanted.length < LETTERS_PER_SLIP) return best;
  const begun = [...known].filter((one) => plain(one).startsWith(wanted));
  return begun.length === 1 ? begun[0] : undefined;
}

/** Letters to add, drop, change or swap with their neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let at = 1; at <= to.length; at++) {
      const same = from[row - 1] === to[at - 1];
      const swapped = from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1];
      line[at] = Math.min(
        line[at - 1]! + 1,
        last[at]! + 1,
        last[at - 1]! + (same ? 0 : 1),
        swapped && row > 1 && at > 1 ? before[at - 2]! + 1 : Infinity,
      );
    }
    [before, last] = [last, line];
  }
  return last[to.length]!;
}
