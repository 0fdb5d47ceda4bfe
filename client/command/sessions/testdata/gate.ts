/**
 * Tests that start programs in a temporary folder.
 *
 * @module
 */

import { testWith } from "../../../../common/testdata/gate.ts";
import type { Limits } from "../../config.ts";
import { TestBed } from "./executor.ts";

/** Registers a test with sessions whose CLIs are real processes. */
export function sessionTest(
  name: string,
  fn: (bed: TestBed) => Promise<void>,
  limits: Partial<Limits> = {},
): void {
  const needed = ["read", "write", "run", "env"] as const;
  testWith(needed.map((name) => ({ name })), name, async () => {
    await using bed = await TestBed.make(limits);
    await fn(bed);
  });
}
