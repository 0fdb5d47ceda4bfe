/**
 * What a program says outside of its log: to whoever asked on standard output, of trouble on standard
 * error.
 *
 * @module
 */

import { reason } from "../errors.ts";
import { UsageError } from "./usage.ts";

/** A file that takes bytes, perhaps not all at once. */
interface Output {
  writeSync(bytes: Uint8Array): number;
}

/** Prints text to standard output, all of it. */
export function print(text: string): void {
  write(Deno.stdout, text);
}

/** Prints a line to standard error: no failure, but of interest. */
export function warn(name: string, text: string): void {
  write(Deno.stderr, `${name}: warning: ${text}\n`);
}

/**
 * Prints why a program ends.
 *
 * @param name of the program, with its word.
 * @returns the exit code: 2 for what the user has to mend, else 1.
 */
export function complain(name: string, error: unknown): 1 | 2 {
  write(Deno.stderr, `${name}: ${reason(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
}

/** Writes text, unless nobody reads it any more, as `head` does. */
export function write(output: Output, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    // A pipe takes what fits.
    for (let at = 0; at < bytes.length;) at += output.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
