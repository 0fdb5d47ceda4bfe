/**
 * What the tests of grammars share.
 *
 * @module
 */

import { ok } from "node:assert/strict";
import fc from "fast-check";
import { type Grammar, type Json, parseLine } from "../mod.ts";

/** A log that a CLI wrote, all but the folders in it and what is long. */
export async function lines(name: string): Promise<Json[]> {
  const text = await Deno.readTextFile(new URL(`${name}.jsonl`, import.meta.url));
  return text.trimEnd().split("\n").map((line) => parseLine(line)!);
}

/** One line an event: what it is, and what it shows. */
export function story(grammar: Grammar, log: readonly Json[]): string[] {
  return log.flatMap((line) => grammar.events(line)).map((event) => {
    const { sessionUpdate, content, title, kind, status, text, ...rest } = event as Json;
    const words = (content as Json | undefined)?.text;
    return [sessionUpdate, kind, status, title, words, text, rest.inputTokens, rest.outputTokens]
      .filter((one) => one !== undefined).join(" | ");
  });
}

/**
 * Fails when there is a line at which a grammar throws.
 *
 * @param keys members that it looks at.
 * @param words that mean something there.
 */
export function neverThrows(
  grammar: Grammar,
  keys: readonly string[],
  words: readonly string[],
): void {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(...words),
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie("value"), { maxKeys: 6 }),
      // Cannot be made a string.
      fc.constant({ toString: 1, valueOf: 1 }),
    ),
  }));
  const line = fc.dictionary(fc.constantFrom(...keys), value);
  const read = (line: Json) => {
    ok(Array.isArray(grammar.events(line)));
    grammar.sessionId(line);
    grammar.end(line);
  };
  fc.assert(fc.property(line, read), { numRuns: 2000 });
}
