/**
 * The end of a process in words.
 *
 * @module
 */

import type { Exit } from "./mod.ts";

/** How much of the last output is quoted, in characters. */
const QUOTED = 600;

/**
 * Why a process ended, in one line for a person.
 *
 * @param hint what it said last on standard output, for CLIs that put their errors there; used when
 * standard error has nothing.
 */
export function exitReason({ code, signal, stderr }: Exit, hint = ""): string {
  const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
  const said = oneLine(stderr) || oneLine(hint);
  if (said === "") return `The CLI ended with ${end} and said nothing`;
  const advice = ADVICE.find(([pattern]) => pattern.test(said))?.[1];
  const reason = `The CLI ended with ${end}; the last it said: ${said}`;
  return advice === undefined ? reason : `${reason} (${advice})`;
}

/** What to do about what CLIs say, where they do not say it. */
const ADVICE: readonly [pattern: RegExp, advice: string][] = [
  [/root\/sudo privileges/, "where arpc runs as root in a sandbox, start it with IS_SANDBOX=1"],
];

/** The last of a text, with its line ends and terminal colours taken out. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, "").replaceAll(/\s+/g, " ").trim();
  return plain.length > QUOTED ? `…${plain.slice(-QUOTED)}` : plain;
}
