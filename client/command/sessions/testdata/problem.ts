/**
 * What a request gets that cannot be served, as a test expects it.
 *
 * @module
 */

import { match, ok, strictEqual } from "node:assert/strict";
import { Problem } from "../../problem.ts";

/** For `throws()` and `rejects()`: a problem of this status whose words say this. */
export function problem(status: number, words: RegExp): (error: unknown) => boolean {
  return (error) => {
    ok(error instanceof Problem, String(error));
    strictEqual(error.status, status, error.detail);
    match(error.detail, words);
    return true;
  };
}
